"""From a model's files, diffs and reviews to the smallest batch; data in, data out."""
