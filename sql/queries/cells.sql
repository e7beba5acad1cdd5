-- Patches alike in all that is counted: by day, factory, operation, phase, order and outcome.
SELECT
    day,
    factory,
    op,
    phase,
    order_id,
    CASE WHEN ok = 1 THEN 'ok' WHEN failed = 1 THEN 'failed' ELSE 'unchecked' END AS outcome,
    count(*) AS patches,
    sum(reverted) AS reverted,
    sum(refused) AS refused,
    min(opened_at) AS first_at,
    max(opened_at) AS last_at
FROM patch_outcomes
GROUP BY 1, 2, 3, 4, 5, 6
