-- How many patches the order has.
SELECT count(DISTINCT event.patch_id) AS patches
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
