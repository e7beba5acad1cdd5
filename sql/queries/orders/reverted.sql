-- Patches that were taken back.
SELECT count(DISTINCT event.patch_id) AS reverted
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert' AND event.event = 'patch_reverted'
