"""Snippets of a description made into scripts that run, and what is expected of them. Pure."""
