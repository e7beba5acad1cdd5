"""What a migration would do, worked out in memory: places, merges, stages, the diff."""
