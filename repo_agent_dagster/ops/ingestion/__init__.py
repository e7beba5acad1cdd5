"""From a source's objects to rows, exactly once."""
