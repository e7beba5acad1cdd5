"""What is done inside a sandbox, one module per repeatable kind of task."""
