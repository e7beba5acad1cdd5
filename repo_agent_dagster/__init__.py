"""The control plane for AI work on repositories: engines in plain Python, wired to Dagster elsewhere."""

__version__ = "0.1.0"
