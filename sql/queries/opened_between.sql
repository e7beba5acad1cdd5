-- The patches begun in the half-open range [from_at, to_at): each with the instant and the attributes of its first
-- event, whatever happens to it later. A revert is recorded as a patch of its own, which is not counted as one.
-- Only events up to upto are looked at. The plus keeps planners from walking the ids instead of the instants.
SELECT
    opening.patch_id,
    opening.day,
    opening.iso_week,
    opening.created_at AS opened_at,
    opening.workspace,
    opening.file_path,
    opening.requester AS factory,
    opening.op,
    opening.phase,
    opening.order_id,
    opening.event AS begun_by
FROM patch_events AS opening
WHERE opening.created_at >= :from_at
    AND opening.created_at < :to_at
    AND +opening.id <= :upto
    AND opening.op <> 'revert'
    AND opening.id = (SELECT min(step.id) FROM patch_events AS step WHERE step.patch_id = opening.patch_id)
