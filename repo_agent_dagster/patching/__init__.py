"""Surgical, atomic, provable edits of a workspace: plan, stage, commit, check, revert."""
