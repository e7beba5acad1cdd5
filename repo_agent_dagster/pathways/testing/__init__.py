"""Pathway testing: run the suites of a repository."""
