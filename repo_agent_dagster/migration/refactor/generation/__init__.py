"""What the orchestrator gets: entrypoint methods with their names, types and code, its migration and its exports."""
