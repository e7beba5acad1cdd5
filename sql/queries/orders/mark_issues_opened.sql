-- What changes of the ops issues that were found in a run of one of an order's tasks.
SELECT
    coalesce(
        task.order_id,
        (SELECT coalesce(event.order_id, '') FROM patch_events AS event WHERE event.task_id = task.id LIMIT 1)
    ) AS order_id,
    issue.status, count(*), sum(issue.severity), sum(issue.gh_issue_number)
FROM ops_issues AS issue
JOIN task_requests AS task ON task.dagster_run_id = issue.run_id
WHERE issue.run_id IS NOT NULL
GROUP BY 1, issue.status
ORDER BY 1, issue.status
