-- The ops issues that were found in a run of one of the order's tasks, and those that the order resolved.
SELECT 'opened' AS what, issue.id, issue.severity, issue.status, issue.first_seen AS at
FROM ops_issues AS issue
WHERE issue.run_id IN (
    SELECT task.dagster_run_id FROM task_requests AS task
    WHERE task.dagster_run_id IS NOT NULL
        AND (
            task.order_id = :order_id
            OR task.id IN (
                SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
            )
        )
)
UNION ALL
SELECT 'closed', issue.id, issue.severity, issue.status, issue.resolved_at
FROM ops_issues AS issue
WHERE issue.order_id = :order_id AND issue.status IN ('resolved', 'closed')
ORDER BY 1, 5, 2
