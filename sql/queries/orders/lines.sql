-- Lines of the patches that were applied and not reverted, by file, where the events tell them.
WITH in_effect AS (
    SELECT
        event.patch_id,
        max(event.id) AS last_id,
        max(CASE WHEN event.meta ->> 'added' IS NOT NULL AND event.meta ->> 'removed' IS NOT NULL THEN event.id END)
            AS told_id
    FROM patch_events AS event
    WHERE event.order_id = :order_id AND event.op <> 'revert'
    GROUP BY event.patch_id
    HAVING max(CASE WHEN event.event = 'patch_applied' THEN 1 ELSE 0 END) = 1
        AND max(CASE WHEN event.event = 'patch_reverted' THEN 1 ELSE 0 END) = 0
)
SELECT
    last.workspace,
    last.file_path AS path,
    sum(CAST(told.meta ->> 'added' AS integer)) AS added,
    sum(CAST(told.meta ->> 'removed' AS integer)) AS removed
FROM in_effect
JOIN patch_events AS last ON last.id = in_effect.last_id
LEFT JOIN patch_events AS told ON told.id = in_effect.told_id
GROUP BY last.workspace, last.file_path
ORDER BY last.workspace, last.file_path
