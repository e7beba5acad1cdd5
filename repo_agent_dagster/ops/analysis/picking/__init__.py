"""What in a log is the failure: lines picked, joined, and told one failure at a time."""

from repo_agent_dagster.ops.analysis.picking.reading import text_log
from repo_agent_dagster.ops.analysis.picking.records import joined_failures
from repo_agent_dagster.ops.analysis.picking.whole_log import failures_of

__all__ = ["failures_of", "joined_failures", "text_log"]
