"""Pathway solution_validation: prove that a patch repairs a repository."""
