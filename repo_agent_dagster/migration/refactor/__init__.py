"""Move a worker's local database behind typed RPC methods of an orchestrator package."""

from repo_agent_dagster.migration.refactor.engine import refactor_d1_to_rpc
from repo_agent_dagster.migration.refactor.model import (
    CallSite,
    ManualWork,
    Method,
    Note,
    Parameter,
    PublicChange,
    Refactoring,
    Statement,
)
from repo_agent_dagster.migration.refactor.prompt import manual_work_prompt

__all__ = [
    "CallSite",
    "ManualWork",
    "Method",
    "Note",
    "Parameter",
    "PublicChange",
    "Refactoring",
    "Statement",
    "manual_work_prompt",
    "refactor_d1_to_rpc",
]
