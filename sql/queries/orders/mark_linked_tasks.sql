-- The same of tasks that name no order, under the order of a patch event that names the task.
SELECT
    linked.order_id, linked.status, count(*), sum(linked.attempt), min(linked.dagster_run_id),
    max(linked.dagster_run_id), max(linked.started_at), max(linked.ended_at), max(linked.call_id)
FROM (
    SELECT
        coalesce(event.order_id, '') AS order_id, task.status, task.attempt, task.dagster_run_id, task.started_at,
        task.ended_at,
        (SELECT max(call.id) FROM ai_operation_logs AS call WHERE call.task_request_id = task.id) AS call_id
    FROM task_requests AS task
    JOIN patch_events AS event
        ON event.id = (SELECT named.id FROM patch_events AS named WHERE named.task_id = task.id LIMIT 1)
    WHERE task.order_id IS NULL
) AS linked
GROUP BY linked.order_id, linked.status
ORDER BY linked.order_id, linked.status
