-- The task requests that name the order, and those that its patch events name.
SELECT
    task.id, task.pathway, task.status, task.dagster_run_id, task.attempt, task.started_at, task.ended_at
FROM task_requests AS task
WHERE task.order_id = :order_id
    OR task.id IN (
        SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
    )
ORDER BY task.created_at, task.id
