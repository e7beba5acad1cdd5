-- Each patch of the order, by its events: `order_queries` puts this before the queries that select from it.
SELECT
    event.patch_id,
    min(event.id) AS first_id,
    max(event.id) AS last_id,
    max(CASE WHEN event.ts_check_ok IS NOT NULL THEN event.id END) AS checked_id,
    max(CASE WHEN event.event = 'patch_reverted' THEN 1 ELSE 0 END) AS is_reverted,
    max(CASE WHEN event.event = 'patch_failed' THEN 1 ELSE 0 END) AS has_failure,
    min(event.created_at) AS first_at,
    max(event.created_at) AS last_at
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
GROUP BY event.patch_id
