"""Test suites: find them, run them, read their reports."""
