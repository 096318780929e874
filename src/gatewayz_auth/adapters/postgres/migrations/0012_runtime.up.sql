-- What operators change while the service runs: settings, how far a rollout is, what was rolled back.
-- One row, so that every process reads all of it at once and nobody acts on half of a change.

CREATE TABLE gatewayz_auth.runtime (
    the_only boolean PRIMARY KEY DEFAULT true,
    version bigint NOT NULL DEFAULT 0,
    document jsonb NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT runtime_is_one_row CHECK (the_only),
    CONSTRAINT runtime_fits CHECK (length(document::text) <= 100000)
);
COMMENT ON TABLE gatewayz_auth.runtime IS 'Settings, rollout and rollback that hold now; changed by commands, which write the audit log with it.';
INSERT INTO gatewayz_auth.runtime DEFAULT VALUES;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (12, 'runtime');
SELECT gatewayz_auth.close_doors();
