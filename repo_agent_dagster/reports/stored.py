"""Stored reports read back, those of the older form too."""

from typing import Any

from repo_agent_dagster.contracts.reports import DeliveryReport

_SINCE_VERSION_2: dict[str, Any] = {
    "latency": [],
    "timeline": [],
    "factories": [],
    "checks": [],
    "approvals": [],
    "ai": [],
    "opsIssues": {"opened": [], "closed": []},
}


def stored_report(report_json: dict[str, Any]) -> DeliveryReport:
    """Return a stored report. One of version 1 says nothing of what version 2 added: its lists are empty."""
    if report_json.get("schemaVersion") == 1:
        sources = [
            {"id": f"v1-{number}", "number": source["number"], "rule": source["source"]}
            for number, source in enumerate(report_json["sources"], start=1)
        ]
        report_json = {**report_json, **_SINCE_VERSION_2, "schemaVersion": 2, "sources": sources}
    return DeliveryReport.model_validate(report_json)
