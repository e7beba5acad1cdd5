"""An inventory in Markdown: totals, languages, packages, databases, licences, open imports, and a row for each file."""

from collections.abc import Sequence

from repo_agent_dagster.migration.inventory.estimate import RULES
from repo_agent_dagster.migration.inventory.model import Estimate, FileInventory, Package, UnitInventory
from repo_agent_dagster.migration.inventory.wording import size_of, versions_of
from repo_agent_dagster.pages.markdown_text import code, inline, table


def render_markdown(inventories: UnitInventory | Sequence[UnitInventory]) -> str:
    """Return the inventory of one unit or of several, ending with the rules of the estimate."""
    units = [inventories] if isinstance(inventories, UnitInventory) else list(inventories)
    parts = [_overview(units)] if len(units) != 1 else []
    parts += [_unit(unit) for unit in units]
    parts.append(_rules())
    return "\n\n".join(parts) + "\n"


def _overview(units: Sequence[UnitInventory]) -> str:
    headers = ["Unit", "Kind", "Purpose", "Files", "Lines", "Packages", "Databases", "Test cases", "Value", "Effort"]
    rows = [
        [
            inline(unit.unit),
            unit.kind,
            inline(unit.purpose),
            str(len(unit.files)),
            str(unit.lines),
            str(len(_listed(unit))),
            inline(", ".join(dict.fromkeys(one.kind for one in unit.databases)) or "–"),
            str(unit.test_cases),
            str(unit.estimate.value),
            str(unit.estimate.effort),
        ]
        for unit in units
    ]
    return f"# Inventory of {len(units)} units\n\n{table(headers, rows, numbers=frozenset({3, 4, 5, 7, 8, 9}))}"


def _unit(unit: UnitInventory) -> str:
    languages = ", ".join(f"{inline(one.language)} {one.lines} lines in {one.files}" for one in unit.languages)
    licences = ", ".join(f"{inline(one.name or 'unknown')} ({one.files})" for one in unit.licences)
    facts = [
        f"- **{unit.kind}**: {inline(unit.kind_reason)}",
        f"- **Files**: {len(unit.files)}, {unit.lines} lines, {size_of(unit.size)}",
        f"- **Languages**: {languages or 'none'}",
        f"- **Tests**: {len(unit.tests)} files, {unit.test_cases} cases",
        f"- **Licences of the code**: {licences or 'no code'}",
        f"- **Estimate**: {_points(unit.estimate)}",
    ]
    sections = [
        f"# Inventory of {inline(unit.unit)}",
        inline(unit.purpose) if unit.purpose else "",
        "\n".join(facts),
        _section("Packages", _packages(_listed(unit))),
        _section("Databases and SQL", _databases(unit)),
        _section("Imports that mean no file of the unit", _open_imports(unit)),
        _section("Files", _files(unit.files)),
        _section("Notes", [f"- {code(file.path)}: {inline(note)}" for file in unit.files for note in file.notes]),
        _section("Left out", [f"- {code(path)}: {inline(reason)}" for path, reason in unit.left_out]),
    ]
    return "\n\n".join(section for section in sections if section)


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _listed(unit: UnitInventory) -> list[Package]:
    return [package for package in unit.packages if package.ecosystem != "platform"]


def _packages(packages: Sequence[Package]) -> list[str]:
    rows = [
        [code(one.name), one.ecosystem, code(versions_of(one)), one.status, str(len(one.used_by))] for one in packages
    ]
    return [table(["Package", "From", "Version", "Status", "Used by"], rows, numbers=frozenset({4}))] if rows else []


def _databases(unit: UnitInventory) -> list[str]:
    rows = [
        [one.kind, inline(one.name or "–"), str(one.uses), ", ".join(code(path) for path in one.files)]
        for one in unit.databases
    ]
    return [table(["Kind", "Binding", "Places", "Files"], rows, numbers=frozenset({2}))] if rows else []


def _open_imports(unit: UnitInventory) -> list[str]:
    return [
        f"- {code(f'{path}:{one.line}')}: {code(one.specifier)} {inline(one.reason or '')}"
        for path, one in unit.unresolved
    ]


def _files(files: Sequence[FileInventory]) -> list[str]:
    rows = [
        [
            code(file.path),
            inline(file.language),
            inline(file.purpose),
            str(file.lines),
            inline(", ".join(dict.fromkeys(use.kind for use in file.storage)) or "–"),
            str(file.test.cases) if file.test is not None else "–",
            inline(file.licence or "–"),
            str(file.estimate.value),
            str(file.estimate.effort),
        ]
        for file in files
    ]
    headers = ["File", "Language", "Purpose", "Lines", "Stores", "Cases", "Licence", "Value", "Effort"]
    return [table(headers, rows, numbers=frozenset({3, 5, 7, 8}))] if rows else []


def _points(estimate: Estimate) -> str:
    reasons = "; ".join(f"{one.side} {one.points}: {one.why}" for one in estimate.reasons)
    return inline(f"value {estimate.value}, effort {estimate.effort} ({reasons})")


def _rules() -> str:
    rows = [[rule.side, inline(rule.fact), inline(rule.points)] for rule in RULES]
    return "## How value and effort are counted\n\n" + table(["Side", "For", "Points"], rows)
