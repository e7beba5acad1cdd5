"""What test runners leave behind, read as data from somebody hostile: bounded, without entities, never executed."""
