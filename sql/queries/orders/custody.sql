-- How far the custody chains were verified of the workspaces that the order touched; problem: the first broken link.
SELECT verdict.workspace, verdict.seq, verdict.problem, verdict.walked_at
FROM custody_verdicts AS verdict
WHERE verdict.workspace IN (
    SELECT event.workspace FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
)
ORDER BY verdict.workspace
