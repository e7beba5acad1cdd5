"""What changes in the worker: calls, the functions around them, the database's own code, types, configuration."""
