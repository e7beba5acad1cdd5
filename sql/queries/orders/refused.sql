-- Unchecked patches that failed before any check.
SELECT count(*) AS refused
FROM lives
WHERE lives.checked_id IS NULL AND lives.has_failure = 1
