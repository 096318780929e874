-- What operators have changed while the service runs.
SELECT r.version, r.document FROM gatewayz_auth.runtime AS r
