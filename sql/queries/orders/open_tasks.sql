-- The orders of tasks that wait or run: those that a task names, and that of a patch event that names the task.
SELECT
    coalesce(
        task.order_id,
        (SELECT coalesce(event.order_id, '') FROM patch_events AS event WHERE event.task_id = task.id LIMIT 1)
    ) AS order_id
FROM task_requests AS task
WHERE task.status IN ('pending', 'running')
