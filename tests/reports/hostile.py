"""A report in which every text that others can write is an attack."""

from typing import Any

from repo_agent_dagster.contracts.reports import DeliveryReport
from tests.reports.sample_report import sample_report

HOSTILE = (
    "\"'><script>document.title='owned'</script><!--<img src=x onerror=\"document.title='owned'\">"
    "{{ 7*7 }}{% raw %}</script></details></pre>\u202e\u2028\u2066\x1b[31mred"
)
LONG = "n" * 10_000
SCRIPT_LINK = "javascript:document.title='owned'"

_KEPT = {
    *("outcome", "lastEvent", "kind", "id", "status", "day", "schemaVersion", "beforeSha256", "afterSha256", "step"),
    *("check", "dagsterRunUrl", "url", "rule", "number", "query"),
}
"""What others cannot write: states, instants, numbers, digests and our own rules."""


def hostile_report(text: str = HOSTILE) -> DeliveryReport:
    """Return the sample report with `text` in place of every name, reason, error, finding and diff."""
    document = sample_report().model_dump(mode="json", by_alias=True)
    attacked = _attacked(document, text)
    for check in attacked["checks"]:
        check["check"] = text
    for task in attacked["taskRuns"]:
        task["dagsterRunUrl"] = SCRIPT_LINK
        task["pathway"] = text
    for issue in attacked["opsIssues"]["opened"]:
        issue["url"] = SCRIPT_LINK
        issue["status"] = text
    return DeliveryReport.model_validate(attacked)


def _attacked(value: Any, text: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _attacked(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_attacked(inner, text, key) for inner in value]
    if isinstance(value, str) and key not in _KEPT and key != "at" and not key.endswith("At"):
        return f"--- a\n+++ b\n@@ -1 +1 @@\n+{text}\n" if key == "finalDiff" else text
    return value
