-- Lets the statements that follow in the same pipeline write nothing.
SELECT set_config('transaction_read_only', 'on', true)
