-- Keeps a value under a key where there is none yet.
INSERT INTO gatewayz_auth.canary (key, value) VALUES (%(key)s::text, %(value)s::bytea) ON CONFLICT (key) DO NOTHING
