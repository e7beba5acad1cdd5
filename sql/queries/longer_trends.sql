-- A week or a month of patch_trends, added up from its days in the half-open range of days [first_day, end_day).
INSERT INTO patch_trends
    (dimension, grain, start, key, total, ok, failed, unchecked, reverted, refused, first_at, last_at)
SELECT
    dimension,
    :grain,
    :first_day,
    key,
    sum(total),
    sum(ok),
    sum(failed),
    sum(unchecked),
    sum(reverted),
    sum(refused),
    min(first_at),
    max(last_at)
FROM patch_trends
WHERE dimension = :dimension AND grain = 'day' AND start >= :first_day AND start < :end_day
GROUP BY dimension, key
