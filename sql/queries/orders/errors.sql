-- Each patch once, by the last error among its events; the ten most frequent.
WITH failing AS (
    SELECT max(event.id) AS last_id
    FROM patch_events AS event
    WHERE event.order_id = :order_id AND event.op <> 'revert' AND event.error IS NOT NULL AND event.error <> ''
    GROUP BY event.patch_id
)
SELECT failure.error, count(*) AS patches
FROM failing
JOIN patch_events AS failure ON failure.id = failing.last_id
GROUP BY failure.error
ORDER BY count(*) DESC, failure.error
LIMIT 10
