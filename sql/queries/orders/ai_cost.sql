-- What the calls of models for the order's tasks came to, in US dollars where the cost is known.
SELECT
    coalesce(call.model, call.ai_provider) AS model,
    count(*) AS calls,
    coalesce(sum(call.tokens), 0) AS tokens,
    coalesce(sum(call.cost), 0) AS cost_usd,
    count(*) - count(call.cost) AS calls_without_cost,
    coalesce(sum(call.latency), 0.0) AS seconds
FROM ai_operation_logs AS call
WHERE call.task_request_id IN (
    SELECT task.id FROM task_requests AS task
    WHERE task.order_id = :order_id
        OR task.id IN (
            SELECT event.task_id FROM patch_events AS event WHERE event.order_id = :order_id AND event.op <> 'revert'
        )
)
GROUP BY coalesce(call.model, call.ai_provider)
ORDER BY coalesce(sum(call.cost), 0) DESC, count(*) DESC, 1
