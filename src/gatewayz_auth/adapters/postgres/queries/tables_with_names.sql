-- The tables in which people may stand by name.
SELECT t.relation FROM gatewayz_auth.tables_with_names() AS t
