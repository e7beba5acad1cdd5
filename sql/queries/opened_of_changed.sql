-- The patches that have an event in (after, newest], each as its first event tells it; only those whose first event is
-- up to upto. The same columns as opened_between.sql. The cross join makes SQLite begin with the few changed patches.
SELECT
    opening.patch_id,
    opening.day,
    opening.iso_week,
    opening.created_at AS opened_at,
    opening.workspace,
    opening.file_path,
    opening.requester AS factory,
    opening.op,
    opening.phase,
    opening.order_id,
    opening.event AS begun_by
FROM (
    SELECT DISTINCT news.patch_id FROM patch_events AS news WHERE news.id > :after AND news.id <= :newest
) AS changed
CROSS JOIN patch_events AS opening
WHERE opening.id = (SELECT min(step.id) FROM patch_events AS step WHERE step.patch_id = changed.patch_id)
    AND opening.id <= :upto
    AND opening.op <> 'revert'
