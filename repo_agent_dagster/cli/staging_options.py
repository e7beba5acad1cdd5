"""What the commands of `migrate-staging` share: their options, and how a unit is found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.migration import Manifest

EXIT_CONFLICT = 3
EXIT_CHECK_FAILED = 4
EXIT_WAITING = 5

UnitArgument = Annotated[str, typer.Argument(help="A unit's folder, or its name in the STAGING folder.")]
Into = Annotated[
    Path | None, typer.Option("--into", help="The target root (the monorepo); default REPO_AGENT_MIGRATION_TARGET.")
]
Staging = Annotated[Path | None, typer.Option("--staging", help="The STAGING folder; default REPO_AGENT_STAGING_DIR.")]
ManifestFile = Annotated[
    Path | None,
    typer.Option("--manifest", help="The manifest; default: the unit's own, or STAGING/manifests/UNIT.yaml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine output.")]


def unit_folder(unit: str, staging: Path | None) -> Path:
    """Return the folder of a unit that is named by its path or by its name in the STAGING folder.

    Raises:
        PermanentFault: there is no such folder.
    """
    inside = (staging or Settings().staging) / unit
    for folder in (Path(unit).expanduser(), inside):
        if folder.is_dir():
            return folder
    raise PermanentFault(f"there is no unit {unit}: neither a folder of that path nor {inside}")


def target_root(into: Path | None) -> Path:
    """Return the target root: what was typed, or the settings'.

    Raises:
        PermanentFault: it is no folder.
    """
    root = (into or Settings().target_root).expanduser()
    if not root.is_dir():
        raise PermanentFault(f"target root {root} is not a folder; name the monorepo's folder with --into")
    return root


def manifest_of(folder: Path, manifest: Path | None, staging: Path | None) -> "Manifest":
    """Return the manifest that was named, or the unit's own."""
    from repo_agent_dagster.migration import load_manifest, read_manifest

    return load_manifest(folder, staging) if manifest is None else read_manifest(manifest.expanduser())
