"""From operations to contents and diffs, in memory: nothing here writes."""
