"""Unified diffs: written, read, and placed in files that changed since."""
