-- Patches first recorded in the half-open range [from_at, to_at), counted by day x factory x op x phase x order x
-- outcome. A patch belongs to the day and to the attributes of its first event; its outcome is the last check that said
-- something, whenever that was. A check that did not run (null) is neither ok nor failed.
-- Scalar subqueries, not EXISTS or joins: a planner may turn those into a hash over all of patch_events.
SELECT
    date(opening.created_at) AS day,
    opening.requester AS factory,
    opening.op AS op,
    opening.phase AS phase,
    opening.order_id AS order_id,
    (
        SELECT verdict.ts_check_ok FROM patch_events AS verdict
        WHERE verdict.patch_id = opening.patch_id AND verdict.ts_check_ok IS NOT NULL
        ORDER BY verdict.id DESC LIMIT 1
    ) AS check_ok,
    (
        SELECT max(CASE WHEN step.event = 'patch_reverted' THEN 1 ELSE 0 END) FROM patch_events AS step
        WHERE step.patch_id = opening.patch_id
    ) AS is_reverted,
    (
        SELECT max(CASE WHEN step.event = 'patch_failed' THEN 1 ELSE 0 END) FROM patch_events AS step
        WHERE step.patch_id = opening.patch_id
    ) AS has_failure,
    count(*) AS patches
FROM patch_events AS opening
WHERE opening.created_at >= :from_at
    AND opening.created_at < :to_at
    AND opening.op <> 'revert'
    AND opening.id = (SELECT min(step.id) FROM patch_events AS step WHERE step.patch_id = opening.patch_id)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
ORDER BY 1
