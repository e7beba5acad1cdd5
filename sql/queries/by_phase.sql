-- Patches by phase; empty, those whose batch named none.
SELECT
    phase,
    count(*) AS total,
    sum(ok) AS ok,
    sum(failed) AS failed,
    sum(unchecked) AS unchecked,
    sum(reverted) AS reverted,
    sum(refused) AS refused,
    min(opened_at) AS first_at,
    max(opened_at) AS last_at
FROM patch_outcomes
GROUP BY phase
