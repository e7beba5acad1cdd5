"""Log sources, ingestion, severity and ops issues."""
