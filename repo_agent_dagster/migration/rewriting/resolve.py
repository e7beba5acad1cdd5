"""Which file a relative specifier means, and what it must say after both files moved. No disk, no parser."""

import posixpath
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

_IMPLIED = (".ts", ".tsx", ".d.ts", ".js", ".jsx")
"""Endings that an import may leave out, in the order in which TypeScript's bundler resolution tries them."""
_ALSO_IMPLIED = (".json", ".mts", ".cts", ".mjs", ".cjs")
"""Endings that only some loaders add (Node's require, some bundlers); tried after all that TypeScript tries."""
_WRITTEN_FOR = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
"""``./x.js`` may mean the TypeScript file that becomes ``x.js`` when it is compiled."""
_ALL_ENDINGS = (".d.ts", ".d.mts", ".d.cts", *_IMPLIED, *_ALSO_IMPLIED)


@dataclass(frozen=True)
class Relocation:
    """Where a unit's files go: `files` are all of the unit's, `moved` maps those that migrate to their new paths.

    All paths are relative with forward slashes: `files` and the keys to the unit, the values to the target root.
    `stands` tells whether a path of the target root holds a file that is not of this migration.
    """

    files: frozenset[str]
    moved: Mapping[str, str]
    stands: Callable[[str], bool]

    @cached_property
    def after(self) -> Container[str]:
        """The target root's files as they are after the migration."""
        return _After(frozenset(self.moved.values()), self.stands)


class _After:
    def __init__(self, landed: frozenset[str], stands: Callable[[str], bool]) -> None:
        self._landed, self._stands = landed, stands

    def __contains__(self, path: object) -> bool:
        return path in self._landed or (isinstance(path, str) and self._stands(path))


@dataclass(frozen=True)
class Unresolvable:
    """A relative specifier that cannot be re-based, and why."""

    reason: str


@dataclass(frozen=True)
class _Hit:
    """A file that a specifier means; `stem` + `ending` is its path, and `written` is what stands for the ending."""

    path: str
    stem: str
    ending: str
    written: str


def is_relative(specifier: str) -> bool:
    """Return whether a TypeScript or JavaScript specifier is a path from the file that holds it."""
    return specifier in {".", ".."} or specifier.startswith(("./", "../"))


def rebase(specifier: str, importer: str, relocation: Relocation) -> str | Unresolvable:
    """Return what a relative specifier must be once both files have moved; itself, where nothing changes.

    The way it is written stays: with or without ending, ``.js`` for a ``.ts`` file, a folder for its index file.
    """
    path, query = specifier, ""
    hit = _find(path, importer, relocation.files)
    if hit is None and "?" in specifier:  # bundlers: ./icon.svg?raw
        path, _, rest = specifier.partition("?")
        query = "?" + rest
        hit = _find(path, importer, relocation.files)
    new_home = relocation.moved[importer]
    if hit is None or hit.path not in relocation.moved:
        if _find(path, new_home, relocation.after) is not None:
            return specifier  # it already says where the file is at the destination
        return Unresolvable(_why_not(path, importer, hit))
    target = relocation.moved[hit.path]
    for candidate in _ways(path, importer, hit, new_home, target):
        found = _find(candidate, new_home, relocation.after)
        if found is not None and found.path == target:
            return candidate + query
    return Unresolvable(f"means {hit.path}, but at the destination another file takes its name")


def resolves(specifier: str, importer: str, files: Container[str]) -> str | None:
    """Return the file that a relative specifier means among the files, or None."""
    hit = _find(specifier.partition("?")[0], importer, files)
    return None if hit is None else hit.path


def _why_not(path: str, importer: str, hit: _Hit | None) -> str:
    if hit is not None:
        return f"means {hit.path}, which no files rule moves; add one, or an imports rule"
    if _base(path, importer).startswith(".."):
        return "climbs out of the unit; add an imports rule that says what it is at the destination"
    return "no such file in the unit"


def _base(specifier: str, importer: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importer), specifier))


def _find(specifier: str, importer: str, files: Container[str]) -> _Hit | None:
    base = _base(specifier, importer)
    folder_only = specifier.endswith("/") or specifier.rpartition("/")[2] in {".", ".."}
    typed = importer.lower().endswith((".ts", ".tsx", ".mts", ".cts"))
    for hit in _candidates(base, folder_only=folder_only, typed=typed):
        if hit.path in files:
            return hit
    return None


def _candidates(base: str, *, folder_only: bool, typed: bool) -> Iterator[_Hit]:
    if not folder_only:
        as_written = _Hit(base, base, "", "")
        compiled_from = [
            _Hit(base.removesuffix(written) + ending, base.removesuffix(written), ending, written)
            for written, meant in _WRITTEN_FOR.items()
            if base.endswith(written)
            for ending in meant
        ]
        # Where x.ts and x.js both stand, ./x.js in TypeScript means x.ts, and in JavaScript itself.
        yield from [*compiled_from, as_written] if typed else [as_written, *compiled_from]
    for endings in (_IMPLIED, _ALSO_IMPLIED):
        if not folder_only:
            for ending in endings:
                yield _Hit(base + ending, base, ending, "")
        for ending in endings:
            path = f"index{ending}" if base == "." else f"{base}/index{ending}"
            yield _Hit(path, base, f"/index{ending}", "")


def _ways(specifier: str, importer: str, hit: _Hit, new_home: str, target: str) -> Iterator[str]:
    """Yield the ways to write the new specifier, the one most like the old first."""
    tail = "/" if specifier.endswith("/") else ""
    home = posixpath.dirname(new_home)
    if hit.ending == "":
        as_before = target
    elif f"/{target}".endswith(hit.ending):
        as_before = f"/{target}"[: -len(hit.ending)][1:] + hit.written
    else:
        as_before = _without_ending(target) + hit.written
    relation = _relation(as_before, home)
    if relation == _relation(hit.stem + hit.written, posixpath.dirname(importer)):
        yield specifier
    yield relation + tail
    yield _relation(_without_ending(target), home)
    yield _relation(target, home)


def _relation(path: str, folder: str) -> str:
    relative = posixpath.relpath(path or ".", folder or ".")
    return relative if relative in {".", ".."} or relative.startswith("../") else f"./{relative}"


def _without_ending(path: str) -> str:
    return next((path[: -len(ending)] for ending in _ALL_ENDINGS if path.endswith(ending)), path)
