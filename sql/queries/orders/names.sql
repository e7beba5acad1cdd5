-- Every order that has patch events, with its newest event: one step of the index from order to order, so that it costs
-- as much as there are orders, not events.
WITH RECURSIVE orders (order_id) AS (
    SELECT min(order_id) FROM patch_events
    UNION ALL
    SELECT (SELECT min(event.order_id) FROM patch_events AS event WHERE event.order_id > orders.order_id)
    FROM orders
    WHERE orders.order_id IS NOT NULL
)
SELECT
    orders.order_id,
    (
        SELECT event.id FROM patch_events AS event
        WHERE event.order_id = orders.order_id
        ORDER BY event.order_id DESC, event.id DESC LIMIT 1
    ) AS newest_id
FROM orders
WHERE orders.order_id IS NOT NULL
UNION ALL
SELECT NULL, newest.id
FROM (
    SELECT event.id FROM patch_events AS event
    WHERE event.order_id IS NULL
    ORDER BY event.order_id DESC, event.id DESC LIMIT 1
) AS newest
