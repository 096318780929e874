-- Whether the database answers, and how soon.
SELECT 1 AS answers
