-- The days of the patches that have an event in (after, newest], each with the newest of these events.
-- The day is a scalar subquery: PostgreSQL would turn a join into a hash over all of patch_events.
SELECT touched.day, max(touched.newest_id) AS newest_id
FROM (
    SELECT
        changed.newest_id,
        (
            SELECT opening.day FROM patch_events AS opening
            WHERE opening.patch_id = changed.patch_id
            ORDER BY opening.id LIMIT 1
        ) AS day
    FROM (
        SELECT news.patch_id, max(news.id) AS newest_id FROM patch_events AS news
        WHERE news.id > :after AND news.id <= :newest
        GROUP BY news.patch_id
    ) AS changed
) AS touched
GROUP BY touched.day
