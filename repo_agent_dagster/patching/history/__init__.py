"""What is on record, made and undone again: reverts, merges with later work, replays."""
