-- One row per patch, for those that add up themselves.
SELECT
    patch_id,
    day,
    opened_at,
    workspace,
    file_path,
    factory,
    op,
    phase,
    order_id,
    check_ok,
    marks,
    error,
    requested_at,
    applied_at,
    validated_at
FROM patch_facts
