"""The likely cause of a failure, by a library of rules: data in `rules/`, each with examples of its own."""

from repo_agent_dagster.ops.analysis.causes.matching import Cause, cause_of

__all__ = ["Cause", "cause_of"]
