-- What changes of the migrations of an order and of the approvals that they wait for. A migration that names no order
-- belongs to the order of a patch event that names its task.
SELECT
    coalesce(
        migration.order_id,
        (
            SELECT coalesce(event.order_id, '') FROM patch_events AS event
            WHERE event.task_id = migration.task_request_id LIMIT 1
        )
    ) AS order_id,
    migration.status, count(*), max(migration.updated_at), count(approval.decided_at), max(approval.decided_at)
FROM staging_migrations AS migration
LEFT JOIN approvals AS approval ON approval.id = migration.approval_id
GROUP BY 1, migration.status
ORDER BY 1, migration.status
