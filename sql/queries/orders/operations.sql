-- The patches by their operation.
SELECT opening.op, count(*) AS patches
FROM lives
JOIN patch_events AS opening ON opening.id = lives.first_id
GROUP BY opening.op
ORDER BY count(*) DESC, opening.op
