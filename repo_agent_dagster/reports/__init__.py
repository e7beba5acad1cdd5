"""Delivery reports and patch trends, as Markdown, JSON and HTML."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repo_agent_dagster.reports.frames import trends
    from repo_agent_dagster.reports.generate import GeneratedReport, GeneratedReports, generate_changed

__all__ = ["GeneratedReport", "GeneratedReports", "generate_changed", "trends"]

_HOMES = {
    "GeneratedReport": "generated",
    "GeneratedReports": "generated",
    "generate_changed": "generate",
    "trends": "frames",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for and no more: a command line that only lists reports needs neither jinja2 nor pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
