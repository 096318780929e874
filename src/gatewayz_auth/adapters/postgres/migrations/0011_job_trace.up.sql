-- A job that wakes a worker carries the trace of the sign-up that owes the work, where that is traced.
CREATE OR REPLACE FUNCTION gatewayz_auth.referrals_wake() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gatewayz_auth, pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM procrastinate_jobs AS j
        WHERE j.status = 'todo' AND j.task_name = 'settle_referrals' AND j.scheduled_at IS NULL)
    THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[
            ROW('referrals', 'settle_referrals', 0, NULL, NULL,
                jsonb_strip_nulls(jsonb_build_object(
                    'traceparent', nullif(current_setting('gatewayz_auth.traceparent', true), ''))),
                NULL)::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (11, 'job_trace');
SELECT gatewayz_auth.close_doors();
