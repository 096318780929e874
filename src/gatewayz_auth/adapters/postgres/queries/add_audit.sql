-- Writes down what an operator is about to do.
INSERT INTO gatewayz_auth.audit (who, what, subject, why)
VALUES (%(who)s::text, %(what)s::text, %(subject)s::text, %(why)s::text)
