"""What a model (or a person) needs to know to do the work that the refactoring left: plain values for a template."""

from collections.abc import Mapping
from typing import Any

from repo_agent_dagster.migration.refactor.model import ManualWork, Refactoring

_AROUND = 12
"""Lines shown before and after a place."""


def manual_work_prompt(refactoring: Refactoring, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the context of a prompt about the manual work; `files` are the files as they stand after the refactoring.

    `places` are in the order of files and lines, each with its source lines numbered from 1; `files` are the whole
    texts of the files that they are in; `methods` the signatures that the orchestrator has already.
    """
    texts = {
        path: files[path].decode("utf-8", "replace")
        for path in sorted({work.site.file for work in refactoring.manual})
        if path in files
    }
    return {
        "places": [_place(work, texts.get(work.site.file, "")) for work in refactoring.manual],
        "methods": [method.signature for method in refactoring.methods],
        "tables": sorted({table for one in refactoring.statements if one.outcome == "manual" for table in one.tables}),
        "statements": [
            {"file": one.site.file, "line": one.site.line, "sql": one.sql, "bindings": list(one.bindings)}
            for one in refactoring.statements
            if one.outcome == "manual"
        ],
        "files": texts,
        "generated": list(refactoring.generated),
    }


def _place(work: ManualWork, text: str) -> dict[str, Any]:
    lines = text.split("\n")  # as patches count them
    first = max(1, work.site.line - _AROUND)
    shown = lines[first - 1 : work.site.line + _AROUND]
    return {
        "file": work.site.file,
        "line": work.site.line,
        "reason": work.reason,
        "code": work.code,
        "source": "\n".join(f"{number:>5}  {line}" for number, line in enumerate(shown, first)),
    }
