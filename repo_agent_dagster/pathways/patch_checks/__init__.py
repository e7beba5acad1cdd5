"""Checks of patch batches, run in a sandbox on a copy of the workspace."""
