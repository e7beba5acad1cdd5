"""`migrate-staging inventory`: what units hold, as a table, Markdown, a page or JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from repo_agent_dagster.cli.migration_view import console, print_json
from repo_agent_dagster.cli.staging_options import AsJson, Staging, unit_folder
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.migration.inventory import UnitInventory

_MOST_FILES = 60


def inventory_command(
    units: Annotated[
        list[str] | None, typer.Argument(help="Units: folders, or names in the STAGING folder; default all of STAGING.")
    ] = None,
    staging: Staging = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with all units; it opens without network.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--md", help="Write it as Markdown.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what units hold: languages, purposes, imports, packages, databases, tests, licences, value and effort.

    Example: `migrate-staging inventory storefront billing --html inventory.html`
    """
    from repo_agent_dagster.migration.inventory import describe, render_html, render_markdown
    from repo_agent_dagster.migration.units.contents import read_unit

    folder = staging or Settings().staging
    inventories = [describe(read_unit(path)) for path in _unit_folders(units or [], folder)]
    written = [
        (path, text)
        for path, text in (
            (html, None if html is None else render_html(inventories)),
            (markdown, None if markdown is None else render_markdown(inventories)),
        )
        if path is not None and text is not None
    ]
    for path, text in written:
        _write(path, text)
    if as_json:
        print_json([one.to_json() for one in inventories])
        return
    if len(inventories) == 1:
        _show_unit(inventories[0])
    else:
        _show_units(inventories)
    for path, _ in written:
        console.print(f"written: {escape(str(path))}", soft_wrap=True)


def _unit_folders(units: list[str], staging: Path) -> list[Path]:
    from repo_agent_dagster.migration.units.scan import MANIFESTS_FOLDER

    if units:
        return [unit_folder(unit, staging) for unit in units]
    found = sorted(staging.iterdir()) if staging.is_dir() else []
    folders = [
        path
        for path in found
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and path.name != MANIFESTS_FOLDER
    ]
    if not folders:
        raise PermanentFault(f"there are no units in {staging}; name a unit's folder")
    return folders


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PermanentFault(
            f"{path} cannot be written: {error.strerror}; name a file in a folder that exists"
        ) from error


def _show_units(inventories: "list[UnitInventory]") -> None:
    table = _table(f"{len(inventories)} units", ("unit", "kind", "purpose", "stores", "licence"), before=3)
    for one in inventories:
        table.add_row(
            escape(one.unit),
            one.kind,
            escape(one.purpose),
            *map(str, (len(one.files), one.lines, len(_packages(one)), one.test_cases)),
            ", ".join(dict.fromkeys(store.kind for store in one.databases)) or "–",
            escape(", ".join(licence.name or "unknown" for licence in one.licences) or "–"),
            *map(str, (one.estimate.value, one.estimate.effort)),
        )
    console.print(table)


def _table(title: str, texts: tuple[str, ...], *, before: int) -> Table:
    """Return a table whose first texts come before the counts, and the others after them."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in texts[:before]:
        table.add_column(name, overflow="fold")
    for name in ("files", "lines", "packages", "cases"):
        table.add_column(name, justify="right")
    for name in texts[before:]:
        table.add_column(name, overflow="fold")
    for name in ("value", "effort"):
        table.add_column(name, justify="right")
    return table


def _show_unit(inventory: "UnitInventory") -> None:
    console.print(f"[bold]{escape(inventory.unit)}[/] ({inventory.kind}): {escape(inventory.purpose)}", soft_wrap=True)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("file", "language", "purpose"):
        table.add_column(name, overflow="fold")
    for name in ("lines", "cases"):
        table.add_column(name, justify="right")
    table.add_column("stores", overflow="fold")
    for name in ("value", "effort"):
        table.add_column(name, justify="right")
    for file in inventory.files[:_MOST_FILES]:
        table.add_row(
            escape(file.path),
            file.language,
            escape(file.purpose),
            str(file.lines),
            "–" if file.test is None else str(file.test.cases),
            ", ".join(dict.fromkeys(use.kind for use in file.storage)) or "–",
            str(file.estimate.value),
            str(file.estimate.effort),
        )
    console.print(table)
    if len(inventory.files) > _MOST_FILES:
        console.print(f"… and {len(inventory.files) - _MOST_FILES} more files; --html, --md and --json have them all")
    for place, one in inventory.unresolved:
        console.print(
            f"[yellow]open import[/] {escape(f'{place}:{one.line} {one.specifier}')}: {escape(one.reason or '')}",
            soft_wrap=True,
        )
    missing = [package.name for package in inventory.packages if package.status == "undeclared"]
    if missing:
        console.print(f"[yellow]not declared[/] {escape(', '.join(missing))}", soft_wrap=True)
    console.print(
        f"[bold]{len(inventory.files)} files, {inventory.lines} lines, {len(_packages(inventory))} packages, "
        f"{inventory.test_cases} test cases; value {inventory.estimate.value}, effort {inventory.estimate.effort}[/]",
        soft_wrap=True,
    )


def _packages(inventory: "UnitInventory") -> list[str]:
    return [package.name for package in inventory.packages if package.ecosystem != "platform"]
