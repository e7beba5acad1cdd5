"""`migrate-staging init`: a first manifest for a unit that has none, written from what its folder holds."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from repo_agent_dagster.cli.migration_view import console
from repo_agent_dagster.cli.staging_options import Staging, UnitArgument, unit_folder
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings


def init_command(
    unit: UnitArgument,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", help="The target root (the monorepo); default REPO_AGENT_MIGRATION_TARGET, if it exists."
        ),
    ] = None,
    staging: Staging = None,
    central: Annotated[
        Path | None, typer.Option("--central", help="Write into this STAGING folder's manifests/, beside the units.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the manifest that is there.")] = False,
    print_only: Annotated[bool, typer.Option("--print", help="Print it and write nothing.")] = False,
) -> None:
    """Write a first manifest by reading the unit and the target root; comments explain each choice.

    Example: `migrate-staging init storefront --into ~/monorepo`
    """
    from repo_agent_dagster.migration.manifest.drafting import draft_manifest
    from repo_agent_dagster.migration.manifest.reading import read_manifest
    from repo_agent_dagster.migration.units.contents import read_unit

    settings = Settings()
    folder = unit_folder(unit, staging)
    target = into or (settings.target_root if settings.target_root.is_dir() else None)
    text = draft_manifest(read_unit(folder), target)
    if print_only:
        typer.echo(text, nl=False)
        return
    path = _place(folder, central)
    _check_free(folder, path, staging or central, force=force)
    _write(path, text, force=force)
    manifest = read_manifest(path)
    console.print(
        f"[bold]{escape(manifest.unit)} → {escape(manifest.destination)}[/]: {escape(str(path))}", soft_wrap=True
    )
    told = f"{len(manifest.imports)} imports rules, {len(manifest.checks)} checks"
    told += ", d1_to_rpc" if manifest.refactor.d1_to_rpc else ""
    console.print(f"{told}; look at it, then `migrate-staging plan {escape(unit)}`", soft_wrap=True)


def _place(folder: Path, central: Path | None) -> Path:
    from repo_agent_dagster.migration.units.scan import MANIFEST_NAMES, MANIFESTS_FOLDER

    return (
        folder / MANIFEST_NAMES[0] if central is None else central / MANIFESTS_FOLDER / f"{folder.resolve().name}.yaml"
    )


def _check_free(folder: Path, path: Path, staging: Path | None, *, force: bool) -> None:
    """Refuse a unit that has a manifest: a person may have written it, and two would be an error."""
    from repo_agent_dagster.migration.units.scan import MANIFEST_NAMES, central_manifests

    found = [one for name in MANIFEST_NAMES if os.path.lexists(one := folder / name)]
    found += central_manifests(staging or folder.resolve().parent, folder.resolve().name)
    others = [one for one in found if not _is_same(one, path)]
    if others:
        raise PermanentFault(
            f"{folder} has a manifest already: {others[0]}; remove it first, since one unit has one manifest"
        )
    if found and not force:
        raise PermanentFault(f"{path} exists; --force replaces it, --print shows the draft and writes nothing")


def _is_same(one: Path, other: Path) -> bool:
    return one.parent.resolve() / one.name == other.parent.resolve() / other.name


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write the file whole or not at all; without force never over one that appeared in the meantime."""
    if path.is_symlink():
        raise PermanentFault(f"{path} is a symlink; a manifest is not written through one")
    draft = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        if force:
            draft.replace(path)
        else:
            path.hardlink_to(draft)  # fails where the name is taken
            draft.unlink()
    except FileExistsError as error:
        draft.unlink(missing_ok=True)
        raise PermanentFault(f"{path} exists; --force replaces it") from error
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise PermanentFault(f"{path} cannot be written: {error.strerror}") from error
