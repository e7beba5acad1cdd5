"""Where each file of a unit goes, by the manifest's files rules: the first rule that matches a file decides."""

from collections.abc import Sequence

from repo_agent_dagster.contracts.migration import FileRule, Manifest
from repo_agent_dagster.migration.faults import UnitError
from repo_agent_dagster.migration.manifest.globs import fixed_folder, has_wildcard, matches
from repo_agent_dagster.migration.planning.lock import lock_path
from repo_agent_dagster.migration.units.contents import UnitContents


def place_files(contents: UnitContents, manifest: Manifest) -> tuple[dict[str, str], list[str]]:
    """Return where each file goes (unit's path to target root's path), and the files rules that moved nothing.

    Raises:
        UnitError: `source` holds no file, no rule matches any, or two files want one place.
    """
    root = "" if manifest.source == "." else manifest.source + "/"
    inside = [file for file in contents.files if file.path.startswith(root)]
    if not inside:
        raise UnitError(
            f"{contents.unit_path}: source {manifest.source!r} holds no file; "
            "write the folder's name as it is in the unit, or '.' for all of it"
        )
    moved: dict[str, str] = {}
    wanted: dict[str, str] = {}
    hit: set[int] = set()
    for file in inside:
        place = _first_rule(file.path[len(root) :], manifest.files)
        if place is None:
            continue
        index, relative = place
        hit.add(index)
        path = relative if manifest.destination == "." else f"{manifest.destination}/{relative}"
        if path in wanted:
            raise UnitError(
                f"{contents.unit_path}: {wanted[path]} and {file.path} would both become {path}; "
                "change a files rule so that each file has its own place"
            )
        if path == lock_path(manifest.destination):
            raise UnitError(f"{contents.unit_path}: {file.path} would become {path}, where the migration's lock stands")
        wanted[path] = file.path
        moved[file.path] = path
    if not moved:
        raise UnitError(f"{contents.unit_path}: no files rule matches any of its {len(inside)} files")
    dead = [
        f"files[{index}]: {rule.from_!r} matches no file"
        for index, rule in enumerate(manifest.files)
        if index not in hit
    ]
    return moved, dead


def _first_rule(relative: str, rules: Sequence[FileRule]) -> tuple[int, str] | None:
    for index, rule in enumerate(rules):
        if matches(rule.from_, relative) and not any(matches(glob, relative) for glob in rule.exclude):
            return index, _new_path(rule, relative)
    return None


def _new_path(rule: FileRule, relative: str) -> str:
    to = rule.to.removeprefix("./")
    if not has_wildcard(rule.from_) and to not in {"", "."} and not to.endswith("/"):
        return to
    folder = "" if to in {"", "."} else to.rstrip("/") + "/"
    return folder + relative[len(fixed_folder(rule.from_)) :]
