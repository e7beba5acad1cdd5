"""What is run on a migrated unit inside a sandbox, and what counts as a new finding."""
