"""The migration manifest: what a unit's author writes to say where its files and imports go.

Field names are snake_case, as they stand in the YAML. What reads the file and points at lines is
`repo_agent_dagster.migration.manifest.reading`; what the rules mean is `docs/migration.md`.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from repo_agent_dagster.contracts.base import SnakeContract

ImportLanguage = Literal["ts", "py"]
OnFailure = Literal["rollback", "keep"]


def _inside(path: str) -> str:
    """Return the path in its plain form, or refuse one that leaves its root."""
    if "\\" in path or "\0" in path:
        raise ValueError(f"{path!r} must use forward slashes")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        raise ValueError(f"{path!r} is absolute; write it relative to its root")
    if ".." in PurePosixPath(path).parts:
        raise ValueError(f"{path!r} climbs out with '..'; it must stay inside its root")
    if any(part in {".git", ".mission_control"} for part in PurePosixPath(path).parts):
        raise ValueError(f"{path!r} names a folder that git or the patch journal owns")
    return path


def _plain(path: str) -> str:
    return PurePosixPath(_inside(path)).as_posix()


InsidePath = Annotated[str, AfterValidator(_inside)]
FolderPath = Annotated[str, AfterValidator(_plain)]


class FileRule(SnakeContract):
    """Which of the unit's files go where; rules are tried in order and the first that matches a file decides."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    from_: Annotated[
        InsidePath,
        Field(
            alias="from",
            min_length=1,
            description="Glob over paths relative to `source`: * ? [ab] {a,b} within a name, ** across folders.",
        ),
    ]
    to: Annotated[
        InsidePath,
        Field(
            description="Folder under `destination` that replaces the part of `from` before its first wildcard; "
            "for a `from` without wildcards, the file's new path (or a folder, if it ends with '/')."
        ),
    ] = ""
    exclude: Annotated[tuple[InsidePath, ...], Field(description="Globs of files that this rule leaves out.")] = ()


class ImportRule(SnakeContract):
    """How a module specifier, as it is written in the source, becomes another; the first rule that matches decides."""

    exact: Annotated[str | None, Field(min_length=1, description="The whole specifier.")] = None
    prefix: Annotated[
        str | None,
        Field(min_length=1, description="Its beginning; after a letter or digit it matches whole segments only."),
    ] = None
    regex: Annotated[
        str | None, Field(min_length=1, description="A Python regular expression that matches the whole specifier.")
    ] = None
    to: Annotated[str, Field(min_length=1, description="The new specifier or prefix; with regex, \\1 and \\g<name>.")]
    language: Annotated[
        ImportLanguage | None, Field(description="Only in ts (TypeScript and JavaScript) or only in py; absent: both.")
    ] = None

    @model_validator(mode="after")
    def _has_one_matcher(self) -> Self:
        given = [name for name in ("exact", "prefix", "regex") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of exact, prefix and regex, not {' and '.join(given) or 'none'}")
        if any(character in self.to for character in "'\"`\n\r"):
            raise ValueError(f"to {self.to!r} cannot stand inside quotes")
        if self.regex is not None:
            try:
                pattern = re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"regex {self.regex!r} does not compile: {error}") from error
            _check_groups(pattern, self.to)
        return self


def _check_groups(pattern: re.Pattern[str], template: str) -> None:
    """Refuse a template that names groups which the pattern lacks, before a file is read."""
    for reference in re.finditer(r"\\(?:(\d+)|g<(\w+)>)", template):
        group = reference[1] or reference[2]
        known = group in pattern.groupindex or (group.isdigit() and int(group) <= pattern.groups)
        if not known:
            raise ValueError(f"to {template!r} uses group {group}, which regex {pattern.pattern!r} does not have")
    if re.search(r"\\(?![\dg\\])", template):
        raise ValueError(f"to {template!r} has a backslash that is no group; write \\1, \\g<name> or \\\\")


class OrderRef(SnakeContract):
    """The delivery that the unit's patches count towards."""

    id: Annotated[str | None, Field(min_length=1, max_length=200, description="Default: staging-<unit>.")] = None
    phase: Annotated[str, Field(min_length=1, max_length=200)] = "migration"


class Manifest(SnakeContract):
    """A unit's migration manifest: source, destination, file and import rules, checks, and what to do on failure."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    unit: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200, description="The unit's name."),
    ]
    source: Annotated[FolderPath, Field(description="Folder inside the unit that is migrated.")] = "."
    destination: Annotated[FolderPath, Field(description="Folder under the target root that receives it.")]
    files: Annotated[
        tuple[FileRule, ...], Field(min_length=1, description="Default: every file, to the same path.")
    ] = (FileRule(from_="**/*"),)
    imports: Annotated[
        tuple[ImportRule, ...], Field(description="Specifier rules, tried before relative re-basing.")
    ] = ()
    checks: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            alias="validate",
            description="Shell commands run in a sandbox, in the destination; absent: tsc where there is a tsconfig.",
        ),
    ] = ()
    order: OrderRef = OrderRef()
    on_failure: Annotated[OnFailure, Field(description="What happens to the tree when a check fails.")] = "rollback"

    @property
    def order_id(self) -> str:
        """The order that the unit's patches belong to."""
        return self.order.id or f"staging-{self.unit}"
