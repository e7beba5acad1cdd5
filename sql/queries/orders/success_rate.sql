-- Ok divided by ok + failed; null when nothing was checked.
SELECT
    sum(CASE WHEN verdict.ts_check_ok THEN 1 ELSE 0 END) AS ok,
    count(verdict.id) AS checked,
    sum(CASE WHEN verdict.ts_check_ok THEN 1.0 ELSE 0.0 END) / nullif(count(verdict.id), 0) AS success_rate
FROM lives
LEFT JOIN patch_events AS verdict ON verdict.id = lives.checked_id
