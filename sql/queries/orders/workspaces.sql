-- The workspaces that the order's patches were for.
SELECT DISTINCT event.workspace
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
ORDER BY event.workspace
