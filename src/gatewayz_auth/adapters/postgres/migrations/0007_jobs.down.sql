-- Takes the queue away, and the jobs in it.
DROP TABLE gatewayz_auth.procrastinate_events, gatewayz_auth.procrastinate_periodic_defers,
    gatewayz_auth.procrastinate_jobs, gatewayz_auth.procrastinate_workers CASCADE;
DO $do$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = 'gatewayz_auth'::regnamespace AND p.proname LIKE 'procrastinate\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$do$;
DROP TYPE gatewayz_auth.procrastinate_job_to_defer_v1, gatewayz_auth.procrastinate_job_status,
    gatewayz_auth.procrastinate_job_event_type;
DELETE FROM gatewayz_auth.schema_version WHERE version = 7;
