-- All values that were kept to check the keyring against, by key.
SELECT c.key, c.value FROM gatewayz_auth.canary AS c ORDER BY c.key
