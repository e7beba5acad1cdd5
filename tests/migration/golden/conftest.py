"""The golden trees are data: tests in them belong to the units, not to us."""

collect_ignore = ["units", "targets"]
