-- What is looked at every few seconds, and what is searched, costs the same however much there is of everything else:
-- sent mail, what was taken from people within a day, the rows of all others.

-- What took nothing away is trimmed without passing by all that is kept for a day, and that only once it is old.
CREATE INDEX changes_gave ON gatewayz_auth.changes (xact) WHERE NOT takes_away;
CREATE INDEX changes_taken_at ON gatewayz_auth.changes (at) WHERE takes_away;

CREATE INDEX mail_outbox_oldest ON gatewayz_auth.mail_outbox (created_at) WHERE status = 'waiting';
CREATE INDEX mail_outbox_failed ON gatewayz_auth.mail_outbox (ended_at) WHERE status = 'failed';

CREATE INDEX audit_subject ON gatewayz_auth.audit (subject, id);

-- The tables in which people may stand by name, the largest last.
CREATE FUNCTION gatewayz_auth.tables_with_names() RETURNS TABLE (relation text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid::regclass::text
    FROM pg_class AS c
    WHERE c.relkind = 'r'
      AND (c.relnamespace = 'gatewayz_auth'::regnamespace
           OR c.oid IN (to_regclass('public.api_keys'), to_regclass('public.referrals'),
                        to_regclass('public.credit_entries'))
           OR c.oid IN (SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = to_regclass('public.users')))
    ORDER BY c.relpages, 1
$$;

-- Where in one table any of these texts still stands: p_parts anywhere in a value but inside of a longer name, p_words
-- as a whole value or a whole JSON string. Each value is searched for the plain texts first, which costs a tenth.
CREATE FUNCTION gatewayz_auth.find_traces_in(p_relation text, p_parts text[], p_words text[])
RETURNS TABLE (place text, rows bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_columns text := (
        SELECT string_agg(format('(%L, t.%I::text)', a.attname, a.attname), ', ')
        FROM pg_attribute AS a
        WHERE a.attrelid = p_relation::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND a.atttypid = ANY (ARRAY['text', 'varchar', 'jsonb', 'json']::regtype[]));
    v_part text := (
        SELECT '(^|[^[:alnum:]_.+-])(' || string_agg(regexp_replace(p, '([^[:alnum:]])', '\\\1', 'g'), '|')
            || ')($|[^[:alnum:]_-])'
        FROM unnest(p_parts) AS p);
    v_has_part text := (SELECT string_agg(format('strpos(v.c, %L) > 0', p), ' OR ') FROM unnest(p_parts) AS p);
    v_has_word text := (
        SELECT string_agg(format('v.c = %L OR strpos(v.c, %L) > 0', w, to_json(w)), ' OR ') FROM unnest(p_words) AS w);
    v_is_it text := concat_ws(' OR ', '(' || v_has_part || format(') AND v.c ~ %L', v_part), v_has_word);
BEGIN
    IF v_columns IS NULL OR v_is_it = '' THEN
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT %L || v.name, count(*) FROM %s AS t CROSS JOIN LATERAL (VALUES %s) AS v (name, c) WHERE %s GROUP BY v.name',
        p_relation || '.', p_relation::regclass, v_columns, v_is_it);
END
$$;

-- As before, by the same search; for programs of before that look through all tables in one statement.
CREATE OR REPLACE FUNCTION gatewayz_auth.find_traces(p_parts text[], p_words text[])
RETURNS TABLE (place text, rows bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT f.place, f.rows
    FROM gatewayz_auth.tables_with_names() AS t, gatewayz_auth.find_traces_in(t.relation, p_parts, p_words) AS f
    ORDER BY 1
$$;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (15, 'however_much');
SELECT gatewayz_auth.close_doors();
