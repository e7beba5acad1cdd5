"""Pathway error_recreation: make a described error happen."""
