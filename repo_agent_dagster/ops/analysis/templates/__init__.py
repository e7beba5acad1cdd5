"""Templates: what many masked lines have in common, mined online and kept from scan to scan."""

from repo_agent_dagster.ops.analysis.templates.miner import Template, TemplateMiner

__all__ = ["Template", "TemplateMiner"]
