-- The patches by their requester.
SELECT
    opening.requester AS factory,
    count(*) AS total,
    sum(CASE WHEN verdict.ts_check_ok THEN 1 ELSE 0 END) AS ok,
    sum(CASE WHEN NOT verdict.ts_check_ok THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN verdict.id IS NULL THEN 1 ELSE 0 END) AS unchecked,
    sum(lives.is_reverted) AS reverted,
    sum(CASE WHEN verdict.id IS NULL THEN lives.has_failure ELSE 0 END) AS refused
FROM lives
LEFT JOIN patch_events AS verdict ON verdict.id = lives.checked_id
JOIN patch_events AS opening ON opening.id = lives.first_id
GROUP BY opening.requester
ORDER BY count(*) DESC, opening.requester
