"""What a task came to, as a page for people."""
