-- When each patch was requested, applied and validated, by the first event of each kind; null: it was not.
-- The databases have no common words for the time between two instants, so the reader takes the differences.
SELECT requested_at, applied_at, validated_at
FROM patch_facts
WHERE applied_at IS NOT NULL OR validated_at IS NOT NULL
