-- What changes of the tasks that name an order, by its index alone.
SELECT
    task.order_id, task.status, count(*), sum(task.attempt), min(task.dagster_run_id), max(task.dagster_run_id),
    max(task.started_at), max(task.ended_at),
    max((SELECT max(call.id) FROM ai_operation_logs AS call WHERE call.task_request_id = task.id))
FROM task_requests AS task
WHERE task.order_id IS NOT NULL
GROUP BY task.order_id, task.status
ORDER BY task.order_id, task.status
