-- The order's patch events, oldest first. A revert is told by the events of the patch that it takes back.
SELECT
    event.id, event.patch_id, event.batch_id, event.task_id, event.phase, event.requester, event.workspace,
    event.file_path, event.op, event.event, event.ts_check_ok, event.diff_path, event.error, event.meta,
    event.created_at
FROM patch_events AS event
WHERE event.order_id = :order_id AND event.op <> 'revert'
ORDER BY event.id
