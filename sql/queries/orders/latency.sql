-- When each patch was requested, applied and validated, by the first event of each kind; null: it was not. The databases
-- have no common words for the time between two instants, so the reader takes the differences.
SELECT
    event.patch_id,
    min(CASE WHEN event.event = 'patch_requested' THEN event.created_at END) AS requested_at,
    min(CASE WHEN event.event = 'patch_applied' THEN event.created_at END) AS applied_at,
    min(CASE WHEN event.event = 'patch_validated' THEN event.created_at END) AS validated_at
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
GROUP BY event.patch_id
ORDER BY min(event.id)
