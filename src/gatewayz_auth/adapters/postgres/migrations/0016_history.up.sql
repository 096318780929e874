-- Of which server's which history this database is: another after a promotion, a restoring or a move. In two parts, each
-- empty where the server does not tell (a replica, a server that refuses it, one that is no Postgres inside).
CREATE FUNCTION gatewayz_auth.history(OUT system text, OUT timeline text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    BEGIN
        system := (SELECT c.system_identifier::text FROM pg_control_system() AS c);
    EXCEPTION WHEN OTHERS THEN
        system := NULL;
    END;
    BEGIN
        timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    EXCEPTION WHEN OTHERS THEN
        timeline := NULL;
    END;
    system := coalesce(system, '');
    timeline := coalesce(timeline, '');
END
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (16, 'history');
SELECT gatewayz_auth.close_doors();
