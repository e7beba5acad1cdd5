"""An inventory as plain data for an asset's metadata: a few numbers, and rows for tables."""

from typing import Any

from repo_agent_dagster.migration.inventory.model import FileInventory, UnitInventory

MOST_ROWS = 500
"""Rows of a table that metadata holds at most; the page and the Markdown have all of them."""


def inventory_metadata(inventory: UnitInventory) -> dict[str, Any]:
    """Return numbers and tables: `files`, `packages` and `databases` are lists of rows with the same keys each."""
    return {
        "unit": inventory.unit,
        "kind": inventory.kind,
        "purpose": inventory.purpose,
        "file_count": len(inventory.files),
        "lines": inventory.lines,
        "bytes": inventory.size,
        "tests": len(inventory.tests),
        "test_cases": inventory.test_cases,
        "unresolved_imports": len(inventory.unresolved),
        "value": inventory.estimate.value,
        "effort": inventory.estimate.effort,
        "languages": [
            {"language": one.language, "files": one.files, "lines": one.lines} for one in inventory.languages
        ],
        "licences": [{"licence": one.name or "unknown", "files": one.files} for one in inventory.licences],
        "packages": [
            {
                "package": one.name,
                "ecosystem": one.ecosystem,
                "wanted": ", ".join(one.wanted),
                "locked": ", ".join(one.locked),
                "status": one.status,
                "used_by": len(one.used_by),
            }
            for one in inventory.packages
            if one.ecosystem != "platform"
        ][:MOST_ROWS],
        "databases": [
            {"kind": one.kind, "name": one.name or "", "uses": one.uses, "files": len(one.files)}
            for one in inventory.databases
        ],
        "files": [_row(file) for file in inventory.files[:MOST_ROWS]],
    }


def _row(file: FileInventory) -> dict[str, Any]:
    return {
        "file": file.path,
        "language": file.language,
        "purpose": file.purpose,
        "lines": file.lines,
        "bytes": file.size,
        "local_imports": len(file.local_imports),
        "packages": ", ".join(one.package for one in file.package_imports),
        "storage": ", ".join(dict.fromkeys(use.kind for use in file.storage)),
        "tests": 0 if file.test is None else file.test.cases,
        "licence": file.licence or "",
        "value": file.estimate.value,
        "effort": file.estimate.effort,
    }
