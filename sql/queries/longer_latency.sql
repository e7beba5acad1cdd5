-- A week or a month of patch_latency, added up from its days in the half-open range of days [first_day, end_day).
INSERT INTO patch_latency (grain, start, step, bucket, patches, milliseconds)
SELECT
    :grain,
    :first_day,
    step,
    bucket,
    sum(patches),
    sum(milliseconds)
FROM patch_latency
WHERE grain = 'day' AND start >= :first_day AND start < :end_day
GROUP BY step, bucket
