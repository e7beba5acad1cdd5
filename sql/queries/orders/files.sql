-- The patches by file, which is where their last event says it lies.
SELECT last.workspace, last.file_path AS path, count(*) AS patches
FROM lives
JOIN patch_events AS last ON last.id = lives.last_id
GROUP BY last.workspace, last.file_path
ORDER BY last.workspace, last.file_path
