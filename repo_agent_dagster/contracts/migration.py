"""The migration manifest: what a unit's author writes to say where its files and imports go.

Field names are snake_case, as they stand in the YAML. What reads the file and points at lines is
`repo_agent_dagster.migration.manifest.reading`; what the rules mean is `docs/migration.md`.
"""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from repo_agent_dagster.contracts.base import SnakeContract

ImportLanguage = Literal["ts", "py", "go"]
OnFailure = Literal["rollback", "keep"]
MergeMethod = Literal["three-way", "ours", "theirs", "json-merge", "refuse"]
StandardLevel = Literal["error", "warning", "never"]


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


def _compiles(regex: str) -> str:
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"regex {regex!r} does not compile: {error}") from error
    return regex


Regex = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_compiles)]


class RenameRule(SnakeContract):
    """How a file's name changes on its way: a regular expression over its name, without its folder."""

    match: Annotated[Regex, Field(description="A Python regular expression that matches the whole name.")]
    to: Annotated[str, Field(min_length=1, description="The new name, with \\1 and \\g<name> for groups.")]

    @model_validator(mode="after")
    def _names_known_groups(self) -> Self:
        _check_groups(re.compile(self.match), self.to)
        if "/" in self.to:
            raise ValueError(f"to {self.to!r} is a file's name; folders belong into the files rule's to")
        return self


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
    rename: Annotated[
        tuple[RenameRule, ...], Field(description="New names; the first that matches a file's name decides.")
    ] = ()
    executable: Annotated[
        bool | None, Field(description="Set or clear the executable bit; absent: as it is in the unit.")
    ] = None


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
        ImportLanguage | None, Field(description="Only in ts (TypeScript and JavaScript), py or go; absent: in all.")
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
    if re.search(r"\\(?![\dg])", template.replace("\\\\", "")):
        raise ValueError(f"to {template!r} has a backslash that is no group; write \\1, \\g<name> or \\\\")


class ReplaceRule(SnakeContract):
    """A replacement in the text of files, for what no import rule reaches: each must hit, or is reported as dead."""

    files: Annotated[InsidePath, Field(min_length=1, description="Glob over paths relative to `source`.")]
    regex: Annotated[Regex, Field(description="A Python regular expression; ^ and $ mean lines.")]
    to: Annotated[str, Field(description="The new text, with \\1 and \\g<name> for groups.")]

    @model_validator(mode="after")
    def _names_known_groups(self) -> Self:
        _check_groups(re.compile(self.regex, re.MULTILINE), self.to)
        return self


class MergeRule(SnakeContract):
    """What happens to a file that both the unit and people at the destination changed; the first match decides.

    three-way: merged by lines, a conflict stops the unit. ours: the destination's stays. theirs: the unit's wins.
    json-merge: merged key by key. refuse: the unit stops.
    """

    files: Annotated[InsidePath, Field(min_length=1, description="Glob over paths relative to `destination`.")]
    by: MergeMethod


class Standards(SnakeContract):
    """Which rules the migrated unit is held to, and how strictly."""

    rules: Annotated[
        tuple[str, ...] | None,
        Field(description="Names of the rules to check; absent: all built-in ones and those of `files`."),
    ] = None
    ignore: Annotated[tuple[str, ...], Field(description="Names of rules that do not count here.")] = ()
    files: Annotated[
        tuple[InsidePath, ...],
        Field(description="More rules: YAML files, relative to the unit or else to the target root."),
    ] = ()
    fix: Annotated[bool, Field(description="Apply the rules' safe automatic fixes.")] = False
    fail_on: Annotated[StandardLevel, Field(description="The least level of a finding that fails the migration.")] = (
        "never"
    )


class D1ToRpc(SnakeContract):
    """Move a worker's local database behind typed RPC methods of an orchestrator package."""

    orchestrator: Annotated[FolderPath, Field(description="The orchestrator package, relative to the target root.")]
    binding: Annotated[
        str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="Name of the service binding in the worker's env.")
    ] = "ORCHESTRATOR"
    service: Annotated[
        str | None, Field(min_length=1, description="The orchestrator's worker name; absent: from its wrangler file.")
    ] = None
    entrypoint: Annotated[
        str | None,
        Field(pattern=r"^[A-Za-z_$][\w$]*$", description="Class name of the entrypoint; absent: from the unit's name."),
    ] = None
    database: Annotated[
        str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", description="Name of the D1 binding in the orchestrator's env.")
    ] = "DB"
    shared_objects: Annotated[
        bool,
        Field(
            description="Whether all Durable Objects of a class may share their tables, which each had for itself; "
            "else the SQL of Durable Objects is left as manual work."
        ),
    ] = False


class Refactor(SnakeContract):
    """Refactorings of the migrated unit."""

    d1_to_rpc: D1ToRpc | None = None


class ValidateCommand(SnakeContract):
    """A shell command that must succeed in a sandbox, and the package that it is run in."""

    run: Annotated[str, Field(min_length=1, description="Shell command.")]
    package: Annotated[
        FolderPath, Field(alias="in", description="Folder that it runs in, relative to `destination`.")
    ] = "."


def _command(given: Any) -> Any:
    return {"run": given} if isinstance(given, str) else given


def _or_text(schema: dict[str, Any]) -> None:
    schema["items"] = {"anyOf": [{"type": "string", "minLength": 1}, schema["items"]]}


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
    replace: Annotated[
        tuple[ReplaceRule, ...], Field(description="Replacements in text, made in order, after the imports.")
    ] = ()
    merge: Annotated[
        tuple[MergeRule, ...],
        Field(description="How files that both sides changed are merged; absent: three-way."),
    ] = ()
    standards: Standards = Standards()
    refactor: Refactor = Refactor()
    checks: Annotated[
        tuple[Annotated[ValidateCommand, BeforeValidator(_command)], ...],
        Field(
            alias="validate",
            json_schema_extra=_or_text,
            description="Commands run in a sandbox, each a text or {run, in}; absent: tsc where there is a tsconfig.",
        ),
    ] = ()
    approval: Annotated[
        bool | None,
        Field(description="Whether a person must approve the plan before it is written; absent: as the settings say."),
    ] = None
    after: Annotated[
        tuple[str, ...], Field(description="Units that must have been migrated into the same root first.")
    ] = ()
    order: OrderRef = OrderRef()
    on_failure: Annotated[OnFailure, Field(description="What happens to the tree when a check fails.")] = "rollback"

    @property
    def order_id(self) -> str:
        """The order that the unit's patches belong to."""
        return self.order.id or f"staging-{self.unit}"
