-- Where any of these texts still stands, by table and column.
SELECT t.place, t.rows FROM gatewayz_auth.find_traces(%(parts)s::text[], %(words)s::text[]) AS t
