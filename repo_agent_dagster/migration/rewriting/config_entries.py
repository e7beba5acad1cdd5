"""Which entries of which configuration files hold paths or module names: tables to add to, and nothing else."""

import posixpath
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, TypeAlias

from repo_agent_dagster.migration.rewriting.values import ANY, DEEP, EACH, KEYS

Syntax: TypeAlias = Literal["json", "toml"]
_ENDINGS = (".json", ".jsonc", ".toml")


class Meaning(Enum):
    """What the string in an entry means, and so how it follows a move."""

    PATH = auto()
    """A file or a folder."""
    ENTRY = auto()
    """A file whose ending, or whose index file, may be left out."""
    GLOB = auto()
    """A pattern of paths; ``!`` before it negates."""
    ALIAS = auto()
    """A target of tsconfig's `paths`: relative to `baseUrl`, ``*`` stands for what the alias matched."""
    EXTENDS = auto()
    """Another tsconfig: a path, with or without ``.json``, or a package."""
    EXPORT = auto()
    """A path or pattern inside the package that begins with ``./``; anything else is a module's name."""
    DEPENDENCY = auto()
    """A version; a path only after ``file:``, ``link:`` or ``portal:``, or if it begins with a dot."""
    IMAGE = auto()
    """A Dockerfile, or the name of an image in a registry."""
    MODULE = auto()
    """A module's name, which only import rules change, or a path to one that begins with a dot."""


@dataclass(frozen=True)
class Entry:
    """One kind of entry: the trail of keys to its strings, what they mean, and the name it goes by in reports.

    `marker` is the file that makes a folder what is meant. `optional`: where it means nothing, nothing is wrong.
    `contained`: what it means must stand below the file's own folder.
    """

    trail: tuple[str, ...]
    meaning: Meaning
    form: str
    marker: str | None = None
    optional: bool = False
    contained: bool = False


@dataclass(frozen=True)
class ConfigKind:
    """A kind of configuration file: its names, its syntax and its entries."""

    name: re.Pattern[str]
    syntax: Syntax
    entries: tuple[Entry, ...]


def kind_of(path: str) -> ConfigKind | None:
    """Return which kind of configuration file a path is, by its name."""
    name = posixpath.basename(path)
    if not name.endswith(_ENDINGS):
        return None
    return next((kind for kind in CONFIG_KINDS if kind.name.fullmatch(name)), None)


def _entries(file: str, *rows: tuple[str, Meaning] | tuple[str, Meaning, str]) -> tuple[Entry, ...]:
    """Return entries from rows of trail (keys joined by dots), meaning and marker."""
    return tuple(
        Entry(tuple(row[0].split(".")), row[1], f"{file} {_title(row[0])}", row[2] if len(row) > 2 else None)
        for row in rows
    )


def _title(trail: str) -> str:
    return re.sub(r"\.?\[\]|\.\{\}|\.\*+", "", trail).removeprefix("compilerOptions.")


_TSCONFIG = (
    *_entries(
        "tsconfig",
        ("extends", Meaning.EXTENDS),
        (f"extends.{EACH}", Meaning.EXTENDS),
        (f"files.{EACH}", Meaning.PATH),
        (f"include.{EACH}", Meaning.GLOB),
        (f"references.{EACH}.path", Meaning.PATH, "tsconfig.json"),
        ("compilerOptions.baseUrl", Meaning.PATH),
        ("compilerOptions.rootDir", Meaning.PATH),
        (f"compilerOptions.rootDirs.{EACH}", Meaning.PATH),
        (f"compilerOptions.typeRoots.{EACH}", Meaning.PATH),
        (f"compilerOptions.paths.{ANY}.{EACH}", Meaning.ALIAS),
        (f"compilerOptions.types.{EACH}", Meaning.MODULE),
        ("compilerOptions.jsxImportSource", Meaning.MODULE),
        (f"compilerOptions.plugins.{EACH}.name", Meaning.MODULE),
    ),
    Entry(("exclude", EACH), Meaning.GLOB, "tsconfig exclude", optional=True),
)
_PACKAGE = (
    *_entries(
        "package.json",
        ("main", Meaning.ENTRY),
        ("module", Meaning.ENTRY),
        ("types", Meaning.ENTRY),
        ("typings", Meaning.ENTRY),
        ("source", Meaning.ENTRY),
        ("browser", Meaning.ENTRY),
        (f"browser.{KEYS}", Meaning.EXPORT),
        (f"browser.{ANY}", Meaning.EXPORT),
        ("bin", Meaning.ENTRY),
        (f"bin.{ANY}", Meaning.ENTRY),
        ("exports", Meaning.EXPORT),
        (f"exports.{DEEP}", Meaning.EXPORT),
        (f"imports.{DEEP}", Meaning.EXPORT),
        (f"dependencies.{ANY}", Meaning.DEPENDENCY, "package.json"),
        (f"devDependencies.{ANY}", Meaning.DEPENDENCY, "package.json"),
        (f"peerDependencies.{ANY}", Meaning.DEPENDENCY, "package.json"),
        (f"optionalDependencies.{ANY}", Meaning.DEPENDENCY, "package.json"),
        (f"overrides.{DEEP}", Meaning.DEPENDENCY, "package.json"),
        (f"resolutions.{ANY}", Meaning.DEPENDENCY, "package.json"),
    ),
    Entry(("files", EACH), Meaning.GLOB, "package.json files", optional=True, contained=True),
    Entry(("workspaces", EACH), Meaning.GLOB, "package.json workspaces", contained=True),
    Entry(("workspaces", "packages", EACH), Meaning.GLOB, "package.json workspaces", contained=True),
)
_WRANGLER_ROWS: tuple[tuple[str, Meaning], ...] = (
    ("main", Meaning.ENTRY),
    ("tsconfig", Meaning.PATH),
    ("base_dir", Meaning.PATH),
    ("pages_build_output_dir", Meaning.PATH),
    ("build.cwd", Meaning.PATH),
    ("build.watch_dir", Meaning.PATH),
    (f"build.watch_dir.{EACH}", Meaning.PATH),
    (f"alias.{ANY}", Meaning.MODULE),
    ("site.bucket", Meaning.PATH),
    ("assets.directory", Meaning.PATH),
    (f"d1_databases.{EACH}.migrations_dir", Meaning.PATH),
    ("migrations_dir", Meaning.PATH),
    (f"containers.{EACH}.image", Meaning.IMAGE),
    (f"containers.{EACH}.image_build_context", Meaning.PATH),
    (f"wasm_modules.{ANY}", Meaning.PATH),
    (f"text_blobs.{ANY}", Meaning.PATH),
    (f"data_blobs.{ANY}", Meaning.PATH),
)
_WRANGLER = _entries(
    "wrangler", *_WRANGLER_ROWS, *((f"env.{ANY}.{trail}", meaning) for trail, meaning in _WRANGLER_ROWS)
)

CONFIG_KINDS = (
    ConfigKind(re.compile(r"(?:.+\.)?(?:ts|js)config(?:[.-].+)?\.json"), "json", _TSCONFIG),
    ConfigKind(re.compile(r"package\.json"), "json", _PACKAGE),
    ConfigKind(re.compile(r"wrangler(?:\..+)?\.toml"), "toml", _WRANGLER),
    ConfigKind(re.compile(r"wrangler(?:\..+)?\.jsonc?"), "json", _WRANGLER),
)
