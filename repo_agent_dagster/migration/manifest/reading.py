"""Find, read and check a unit's manifest; every error names file, line, column and field, and suggests a spelling."""

import json
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.documents.document import Document, DocumentError, read_document
from repo_agent_dagster.migration.documents.mistakes import Wording, kind_of
from repo_agent_dagster.migration.faults import ManifestError
from repo_agent_dagster.migration.manifest.globs import compile_glob
from repo_agent_dagster.migration.units.scan import MANIFEST_NAMES, StagingUnit, central_manifests

_NAME = "is not a name: start with a letter or digit, then letters, digits, '.', '_' or '-'"
_WORDING = Wording({r"^[A-Za-z0-9][A-Za-z0-9._-]*$": _NAME}, frozenset({"validate"}))


def load_manifest(unit: StagingUnit | Path, staging_dir: Path | None = None) -> Manifest:
    """Return the unit's manifest: the one in its folder, or ``<staging_dir>/manifests/<unit>.yaml``.

    `staging_dir` defaults to the folder that holds the unit.

    Raises:
        ManifestError: there is none, there are several, or the one there is breaks a rule.
    """
    return read_manifest(find_manifest(unit.path if isinstance(unit, StagingUnit) else unit, staging_dir))


def find_manifest(unit_path: Path, staging_dir: Path | None = None) -> Path:
    """Return the path of the unit's one manifest.

    Raises:
        ManifestError: there is none, or there are several and nothing says which one counts.
    """
    if not unit_path.is_dir():
        raise ManifestError(f"{unit_path} is not a folder; name a unit's folder, or a unit of the STAGING folder")
    staging = unit_path.resolve().parent if staging_dir is None else staging_dir
    found = [path for name in MANIFEST_NAMES if (path := unit_path / name).is_file()]
    found += central_manifests(staging, unit_path.resolve().name)
    if not found:
        misnamed = get_close_matches(MANIFEST_NAMES[0], [path.name for path in unit_path.iterdir()], n=1, cutoff=0.75)
        hint = f" (is {misnamed[0]} meant to be it?)" if misnamed else ""
        raise ManifestError(
            f"{unit_path} has no manifest{hint}; write {unit_path / MANIFEST_NAMES[0]} "
            f"or {staging / 'manifests' / (unit_path.resolve().name + '.yaml')}; "
            "`migrate-staging schema` shows its fields"
        )
    if len(found) > 1:
        raise ManifestError(
            f"{unit_path} has {len(found)} manifests: {', '.join(map(str, found))}; keep one, remove the rest"
        )
    return found[0]


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a YAML or JSON file.

    Raises:
        ManifestError: the file cannot be read, is not YAML or JSON, or breaks a rule of the schema.
    """
    try:
        document = read_document(path, "manifest")
        if not isinstance(document.content, dict):
            told = f"a manifest is a mapping with unit: and destination:, not {kind_of(document.content)}"
            raise ManifestError(f"{path}:1:1: {told}")
        manifest = document.read_as(Manifest, _WORDING)
    except DocumentError as error:
        raise ManifestError(str(error)) from error
    _check_globs(document, manifest)
    return manifest


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest, for editors and for `migrate-staging schema`."""
    schema = Manifest.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def order_id(manifest: Manifest) -> str:
    """Return the order that the unit's patches belong to: the manifest's, or ``staging-<unit>``."""
    return manifest.order_id


def manifest_digest(manifest: Manifest) -> str:
    """Return the SHA-256 of what the manifest says; comments, order of keys and defaults written out do not count."""
    said = manifest.model_dump(mode="json", by_alias=True)
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check_globs(document: Document, manifest: Manifest) -> None:
    globs: list[tuple[tuple[int | str, ...], str]] = []
    for index, rule in enumerate(manifest.files):
        globs.append((("files", index, "from"), rule.from_))
        globs += [(("files", index, "exclude", number), glob) for number, glob in enumerate(rule.exclude)]
    globs += [(("replace", index, "files"), replacement.files) for index, replacement in enumerate(manifest.replace)]
    globs += [(("merge", index, "files"), merge.files) for index, merge in enumerate(manifest.merge)]
    for location, glob in globs:
        try:
            compile_glob(glob)
        except ValueError as error:
            raise ManifestError(document.told(location, str(error))) from error
