-- The rows of one dimension of a week or a month in patch_trends that are not the sums of its days in the half-open
-- range of days [first_day, end_day): first those that are there, then those that should be.
SELECT 'found' AS side, found.*
FROM (
    SELECT key, total, ok, failed, unchecked, reverted, refused, first_at, last_at
    FROM patch_trends
    WHERE dimension = :dimension AND grain = :grain AND start = :first_day
    EXCEPT
    SELECT key, sum(total), sum(ok), sum(failed), sum(unchecked), sum(reverted), sum(refused), min(first_at), max(last_at)
    FROM patch_trends
    WHERE dimension = :dimension AND grain = 'day' AND start >= :first_day AND start < :end_day
    GROUP BY key
) AS found
UNION ALL
SELECT 'expected' AS side, expected.*
FROM (
    SELECT
        key,
        sum(total) AS total,
        sum(ok) AS ok,
        sum(failed) AS failed,
        sum(unchecked) AS unchecked,
        sum(reverted) AS reverted,
        sum(refused) AS refused,
        min(first_at) AS first_at,
        max(last_at) AS last_at
    FROM patch_trends
    WHERE dimension = :dimension AND grain = 'day' AND start >= :first_day AND start < :end_day
    GROUP BY key
    EXCEPT
    SELECT key, total, ok, failed, unchecked, reverted, refused, first_at, last_at
    FROM patch_trends
    WHERE dimension = :dimension AND grain = :grain AND start = :first_day
) AS expected
