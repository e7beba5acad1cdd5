-- What became of each opened patch, by its events up to upto. Its outcome is the last check that said something,
-- whenever that was; a check that did not run (null) is neither ok nor failed. Its error is the last one.
-- Its marks are 2 if it was reverted, plus 1 if it failed at some time; one subquery tells both.
-- Scalar subqueries, not EXISTS or joins: a planner may turn those into a hash over all of patch_events. All but the
-- error are answered by the index ix_patch_events_life alone.
SELECT
    opened.patch_id,
    opened.day,
    opened.iso_week,
    opened.opened_at,
    opened.workspace,
    opened.file_path,
    opened.factory,
    opened.op,
    coalesce(opened.phase, '') AS phase,
    coalesce(opened.order_id, '') AS order_id,
    (
        SELECT CASE WHEN verdict.ts_check_ok THEN 1 ELSE 0 END FROM patch_events AS verdict
        WHERE verdict.patch_id = opened.patch_id AND verdict.id <= :upto AND verdict.ts_check_ok IS NOT NULL
        ORDER BY verdict.id DESC LIMIT 1
    ) AS check_ok,
    (
        SELECT
            max(CASE WHEN step.event = 'patch_reverted' THEN 2 ELSE 0 END)
            + max(CASE WHEN step.event = 'patch_failed' THEN 1 ELSE 0 END)
        FROM patch_events AS step
        WHERE step.patch_id = opened.patch_id AND step.id <= :upto
    ) AS marks,
    (
        SELECT failure.error FROM patch_events AS failure
        WHERE failure.patch_id = opened.patch_id AND failure.id <= :upto AND failure.error IS NOT NULL
        ORDER BY failure.id DESC LIMIT 1
    ) AS error,
    CASE
        WHEN opened.begun_by = 'patch_requested' THEN opened.opened_at
        ELSE (
            SELECT min(step.created_at) FROM patch_events AS step
            WHERE step.patch_id = opened.patch_id AND step.id <= :upto AND step.event = 'patch_requested'
        )
    END AS requested_at,
    (
        SELECT min(step.created_at) FROM patch_events AS step
        WHERE step.patch_id = opened.patch_id AND step.id <= :upto AND step.event = 'patch_applied'
    ) AS applied_at,
    (
        SELECT min(step.created_at) FROM patch_events AS step
        WHERE step.patch_id = opened.patch_id AND step.id <= :upto AND step.event = 'patch_validated'
    ) AS validated_at
FROM opened
