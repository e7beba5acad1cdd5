"""From lines to failures, and from failures to incidents: pure, without a database."""
