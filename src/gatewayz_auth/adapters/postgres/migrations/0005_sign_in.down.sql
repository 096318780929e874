-- Nobody signs in any more.
DROP FUNCTION gatewayz_auth.sign_in, gatewayz_auth.enrich, gatewayz_auth.claim_username, gatewayz_auth.account_with_key;
DROP TYPE gatewayz_auth.sign_in_answer;
DELETE FROM gatewayz_auth.schema_version WHERE version = 5;
