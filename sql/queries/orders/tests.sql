-- The results of the tasks that prove something: the tests before and after are in them.
SELECT task.id, task.pathway, task.result
FROM task_requests AS task
WHERE task.pathway IN ('solution_validation', 'error_recreation', 'testing')
    AND (
        task.order_id = :order_id
        OR task.id IN (
            SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
        )
    )
ORDER BY task.created_at, task.id
