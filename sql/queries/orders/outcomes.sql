-- Each patch once, by its last event with a check that said something.
SELECT
    sum(CASE WHEN verdict.ts_check_ok THEN 1 ELSE 0 END) AS ok,
    sum(CASE WHEN NOT verdict.ts_check_ok THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN verdict.id IS NULL THEN 1 ELSE 0 END) AS unchecked
FROM lives
LEFT JOIN patch_events AS verdict ON verdict.id = lives.checked_id
