-- Names the trace that the statements after it in the same pipeline belong to: a job that they owe carries it on.
SELECT set_config('gatewayz_auth.traceparent', %(traceparent)s::text, true)
