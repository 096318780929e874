-- What was taken from people is found among however many other changes: after one statement about millions of people a
-- reader of changes passed by all of them, came too late each time, and never read again.
CREATE INDEX changes_taken ON gatewayz_auth.changes (xact) WHERE takes_away;

INSERT INTO gatewayz_auth.schema_version (version, name) VALUES (13, 'changes_taken');
SELECT gatewayz_auth.close_doors();
