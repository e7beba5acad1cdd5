-- The most frequent errors of the patches first recorded in the half-open range [from_at, to_at): how many patches
-- ended with each. A patch counts once, with its last error.
SELECT ended.error AS error, count(*) AS patches
FROM (
    SELECT (
        SELECT failure.error FROM patch_events AS failure
        WHERE failure.patch_id = opening.patch_id AND failure.error IS NOT NULL
        ORDER BY failure.id DESC LIMIT 1
    ) AS error
    FROM patch_events AS opening
    WHERE opening.created_at >= :from_at
        AND opening.created_at < :to_at
        AND opening.id = (SELECT min(step.id) FROM patch_events AS step WHERE step.patch_id = opening.patch_id)
) AS ended
WHERE ended.error IS NOT NULL
GROUP BY ended.error
ORDER BY patches DESC, ended.error
LIMIT :top
