"""Where each file of a unit goes, by the manifest's files rules: the first rule that matches a file decides."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import FileRule, Manifest
from repo_agent_dagster.migration.faults import UnitError
from repo_agent_dagster.migration.manifest.globs import fixed_folder, has_wildcard, matches
from repo_agent_dagster.migration.planning.lock import lock_path
from repo_agent_dagster.migration.units.contents import UnitContents


@dataclass(frozen=True)
class Placement:
    """Where a unit's files go.

    `moved` maps a file's path in the unit to its path under the target root, `executable` says whether the file may
    be executed there, by its path in the unit; `dead_rules` tells of rules that matched nothing.
    """

    moved: Mapping[str, str]
    executable: Mapping[str, bool]
    dead_rules: tuple[str, ...]


def place_files(contents: UnitContents, manifest: Manifest) -> Placement:
    """Return where each file goes.

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
    executable: dict[str, bool] = {}
    wanted: dict[str, str] = {}
    hit: set[int] = set()
    renamed: set[tuple[int, int]] = set()
    for file in inside:
        place = _first_rule(file.path[len(root) :], manifest.files)
        if place is None:
            continue
        index, relative = place
        rule = manifest.files[index]
        hit.add(index)
        new_name = _new_name(rule, relative)
        if new_name is not None:
            renamed.add((index, new_name[0]))
            relative = relative.removesuffix(relative.rpartition("/")[2]) + new_name[1]
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
        executable[file.path] = file.executable if rule.executable is None else rule.executable
    if not moved:
        raise UnitError(f"{contents.unit_path}: no files rule matches any of its {len(inside)} files")
    dead = [
        f"files[{index}]: {rule.from_!r} matches no file"
        for index, rule in enumerate(manifest.files)
        if index not in hit
    ]
    dead += [
        f"files[{index}].rename[{number}]: {rename.match!r} matches no name"
        for index, rule in enumerate(manifest.files)
        for number, rename in enumerate(rule.rename)
        if index in hit and (index, number) not in renamed
    ]
    return Placement(moved, executable, tuple(dead))


def _new_name(rule: FileRule, relative: str) -> tuple[int, str] | None:
    """Return the number of the rename rule that matches a file's name, and the name that it gives."""
    name = relative.rpartition("/")[2]
    for number, rename in enumerate(rule.rename):
        match = re.fullmatch(rename.match, name)
        if match is not None:
            new_name = match.expand(rename.to)
            if new_name in {"", ".", ".."} or "/" in new_name:
                raise UnitError(
                    f"{relative}: rename {rename.match!r} would call it {new_name!r}, which is no file name"
                )
            return number, new_name
    return None


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
