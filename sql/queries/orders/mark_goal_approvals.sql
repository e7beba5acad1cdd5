-- What changes of the approvals of goal runs, under the order of a patch event that names one of the run's tasks.
SELECT
    (
        SELECT coalesce(event.order_id, '') FROM patch_events AS event WHERE event.task_id = task.id LIMIT 1
    ) AS order_id,
    count(*), max(approval.created_at), count(approval.decided_at), max(approval.decided_at)
FROM approvals AS approval
JOIN tasks AS task ON task.run_id = approval.run_id
WHERE approval.run_id IS NOT NULL
GROUP BY 1
ORDER BY 1
