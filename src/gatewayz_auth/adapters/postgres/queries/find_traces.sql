-- Where in one table any of these texts still stands, by column.
SELECT t.place, t.rows FROM gatewayz_auth.find_traces_in(%(relation)s::text, %(parts)s::text[], %(words)s::text[]) AS t
