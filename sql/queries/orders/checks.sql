-- The runs of checks, one for each batch, name, outcome and instant; findings as the events tell them.
SELECT
    coalesce(event.batch_id, event.patch_id) AS batch_id,
    event.meta ->> 'check' AS "check",
    event.ts_check_ok,
    event.created_at,
    count(DISTINCT event.patch_id) AS patches,
    max(CAST(event.meta ->> 'findings_before' AS integer)) AS findings_before,
    max(CAST(event.meta ->> 'findings_after' AS integer)) AS findings_after,
    max(CAST(event.meta ->> 'findings_added' AS integer)) AS findings_added
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
    AND event.event IN ('patch_validated', 'patch_failed')
    AND (event.ts_check_ok IS NOT NULL OR event.meta ->> 'check' IS NOT NULL)
GROUP BY 1, 2, 3, 4
ORDER BY min(event.id)
