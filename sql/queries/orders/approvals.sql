-- The approvals that the order's migrations wait for, and those of goal runs whose tasks its patch events name.
SELECT approval.subject, approval.source, approval.verdict, approval.created_at, approval.decided_by, approval.decided_at
FROM approvals AS approval
WHERE approval.id IN (
        SELECT migration.approval_id FROM staging_migrations AS migration
        WHERE migration.order_id = :order_id
            OR migration.task_request_id IN (
                SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
            )
    )
    OR approval.run_id IN (
        SELECT goal_task.run_id FROM tasks AS goal_task
        WHERE goal_task.id IN (
            SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
        )
    )
ORDER BY approval.created_at, approval.id
