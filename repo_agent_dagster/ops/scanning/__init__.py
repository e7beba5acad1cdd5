"""A scan, step by step: stored lines to failures, failures to incidents, incidents to issues."""
