-- Closes to strangers whatever has been opened since.
SELECT gatewayz_auth.close_doors()
