-- What changes of the ops issues that an order resolved.
SELECT
    issue.order_id, issue.status, count(*), max(issue.resolved_at), sum(issue.severity), sum(issue.gh_issue_number)
FROM ops_issues AS issue
WHERE issue.order_id IS NOT NULL
GROUP BY issue.order_id, issue.status
ORDER BY issue.order_id, issue.status
