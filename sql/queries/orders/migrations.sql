-- The migrations that name the order, and those of tasks that its patch events name.
SELECT migration.unit, migration.target_root, migration.status, migration.error, migration.updated_at
FROM staging_migrations AS migration
WHERE migration.order_id = :order_id
    OR migration.task_request_id IN (
        SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
    )
ORDER BY migration.unit, migration.updated_at
