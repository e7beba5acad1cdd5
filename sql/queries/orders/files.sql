-- The patches by file, which is where their last event says it lies.
WITH lives AS (
    SELECT event.patch_id, max(event.id) AS last_id
    FROM patch_events AS event
    WHERE event.order_id = :order_id AND event.op <> 'revert'
    GROUP BY event.patch_id
)
SELECT last.workspace, last.file_path AS path, count(*) AS patches
FROM lives
JOIN patch_events AS last ON last.id = lives.last_id
GROUP BY last.workspace, last.file_path
ORDER BY last.workspace, last.file_path
