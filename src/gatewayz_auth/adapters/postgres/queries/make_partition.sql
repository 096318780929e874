-- Sees to it that a region has its partition; true where it was made now.
SELECT gatewayz_auth.make_partition(%(region)s::text) AS is_made
