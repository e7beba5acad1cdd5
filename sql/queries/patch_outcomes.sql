-- Each patch's outcome as numbers that add up: ok + failed + unchecked = 1. Refused: it failed before any check.
SELECT
    day,
    iso_week,
    opened_at,
    workspace,
    file_path,
    factory,
    op,
    phase,
    order_id,
    CASE WHEN check_ok = 1 THEN 1 ELSE 0 END AS ok,
    CASE WHEN check_ok = 0 THEN 1 ELSE 0 END AS failed,
    CASE WHEN check_ok IS NULL THEN 1 ELSE 0 END AS unchecked,
    CASE WHEN marks >= 2 THEN 1 ELSE 0 END AS reverted,
    CASE WHEN check_ok IS NULL AND marks IN (1, 3) THEN 1 ELSE 0 END AS refused
FROM patch_facts
