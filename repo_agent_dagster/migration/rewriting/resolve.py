"""What a TypeScript or JavaScript specifier must say after its file and the file that it means have moved.

Relative ones and the aliases of a tsconfig are worked out; names of packages stay. No disk, no parser.
"""

import posixpath
import re
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from repo_agent_dagster.migration.rewriting.aliases import Alias, Aliases, AliasMove
from repo_agent_dagster.migration.rewriting.typescript_files import (
    Hit,
    find_file,
    is_typed,
    names_of,
    place_of,
    relation,
    without_ending,
    written_like,
)

PATH_FORMS = frozenset({"url", "reference-path"})
"""Forms in which ``x.html`` is a path as much as ``./x.html``, and no package."""
_WILD = re.compile(r"[*?{}()\[\]]|[!+@]\(")
_WITH_SCHEME_OR_ROOT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/#?]")


@dataclass(frozen=True)
class Relocation:
    """Where a unit's files go: `files` are all of the unit's, `moved` maps those that migrate to their new paths.

    All paths are relative with forward slashes: `files` and the keys to the unit, the values to the target root.
    `stands` tells whether a path of the target root holds a file that is not of this migration. `aliases` are those of
    the unit's tsconfig files, before and after; without them every specifier that is not relative is a package's.
    """

    files: frozenset[str]
    moved: Mapping[str, str]
    stands: Callable[[str], bool]
    aliases: AliasMove | None = None

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
    """A specifier that cannot be re-based, and why."""

    reason: str


def is_relative(specifier: str) -> bool:
    """Return whether a TypeScript or JavaScript specifier is a path from the file that holds it."""
    return specifier in {".", ".."} or specifier.startswith(("./", "../"))


def resolves(specifier: str, importer: str, files: Container[str]) -> str | None:
    """Return the file that a relative specifier means among the files, or None."""
    hit = _find(specifier.partition("?")[0], importer, files)
    return None if hit is None else hit.path


def rebase(specifier: str, importer: str, relocation: Relocation, form: str = "import") -> str | Unresolvable:
    """Return what a specifier must be once its file and what it means have moved; itself, where nothing changes.

    The way it is written stays: with or without ending, ``.js`` for a ``.ts`` file, a folder for its index file, an
    alias. `form` is how it stands in its file, as the readers tell it.
    """
    if form in PATH_FORMS:
        return _rebase_path(specifier, importer, relocation, form)
    if form == "import-meta-glob":
        return _rebase_glob(specifier, importer, relocation)
    if is_relative(specifier):
        rebase_as = _rebase_url if form == "require-context" else _rebase_relative
        return rebase_as(specifier, importer, relocation)
    if relocation.aliases is None or form == "reference-types":
        return specifier
    return _rebase_alias(specifier, importer, relocation, relocation.aliases)


def _rebase_relative(specifier: str, importer: str, relocation: Relocation) -> str | Unresolvable:
    path, query, hit = _split(specifier, lambda path: _find(path, importer, relocation.files))
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


def _split(specifier: str, find: Callable[[str], Hit | None]) -> tuple[str, str, Hit | None]:
    """Return the path of a specifier, the query that bundlers read (``./icon.svg?raw``), and the file it means."""
    hit = find(specifier)
    if hit is not None or "?" not in specifier:
        return specifier, "", hit
    path, _, rest = specifier.partition("?")
    return path, f"?{rest}", find(path)


def _find(specifier: str, importer: str, files: Container[str]) -> Hit | None:
    folder_only = specifier.endswith(("/", "/.", "/..")) or specifier in {".", ".."}
    return find_file(place_of(specifier, importer), files, folder_only=folder_only, typed=is_typed(importer))


def _why_not(path: str, importer: str, hit: Hit | None) -> str:
    if hit is not None:
        return f"means {hit.path}, which no files rule moves; add one, or an imports rule"
    if place_of(path, importer).startswith(".."):
        return "climbs out of the unit; add an imports rule that says what it is at the destination"
    return "no such file in the unit"


def _ways(specifier: str, importer: str, hit: Hit, new_home: str, target: str) -> Iterator[str]:
    """Yield the ways to write the new specifier, the one most like the old first."""
    tail = "/" if specifier.endswith("/") else ""
    home = posixpath.dirname(new_home)
    same = relation(written_like(hit, target), home)
    if same == relation(hit.stem + hit.written, posixpath.dirname(importer)):
        yield specifier
    yield same + tail
    yield relation(without_ending(target), home)
    yield relation(target, home)


def _rebase_path(specifier: str, importer: str, relocation: Relocation, form: str) -> str | Unresolvable:
    """Return what ``new URL('x', import.meta.url)`` and ``<reference path="x" />`` must say; bare paths stay bare."""
    if not specifier or _WITH_SCHEME_OR_ROOT.match(specifier):
        return specifier
    bare = not is_relative(specifier)
    path = f"./{specifier}" if bare else specifier
    if form == "url":
        path, mark, rest = path.partition("#")
        new = _rebase_url(path, importer, relocation)
        new = new if isinstance(new, Unresolvable) else new + mark + rest
    else:
        new = _rebase_relative(path, importer, relocation)
    return new.removeprefix("./") if bare and isinstance(new, str) else new


def _rebase_url(path: str, importer: str, relocation: Relocation) -> str | Unresolvable:
    """Return the new path to a file, to a folder of the unit, or to what a bundler adds an ending to."""
    base = place_of(path.partition("?")[0], importer)
    inside = "" if base == "." else f"{base}/"
    if base in relocation.files or not any(file.startswith(inside) for file in relocation.files):
        return _rebase_relative(path, importer, relocation)
    new = _folder_as_seen(base, importer, relocation)
    if isinstance(new, Unresolvable) or new == relation(base, posixpath.dirname(importer)):
        return path if isinstance(new, str) else new
    return f"{new}/" if path.endswith("/") else new


def _rebase_glob(pattern: str, importer: str, relocation: Relocation) -> str | Unresolvable:
    """Return what ``import.meta.glob('./pages/*.ts')`` must say: the folders before its first wildcard may move."""
    mark = "!" if pattern.startswith("!") else ""
    written = pattern.removeprefix("!")
    wild = _WILD.search(written)
    if not is_relative(written):
        return pattern
    if wild is None:
        new = _rebase_url(written, importer, relocation)
        return new if isinstance(new, Unresolvable) else mark + new
    fixed, rest = written[: wild.start()].rpartition("/")[0], written[written.rfind("/", 0, wild.start()) :]
    base = place_of(fixed, importer)
    seen = _folder_as_seen(base, importer, relocation)
    if isinstance(seen, Unresolvable) or seen == relation(base, posixpath.dirname(importer)):
        return pattern if isinstance(seen, str) else seen
    return mark + seen + rest


def _folder_as_seen(base: str, importer: str, relocation: Relocation) -> str | Unresolvable:
    """Return the relative path from a file, where it goes, to where a folder of the unit goes with all of its files."""
    inside = "" if base == "." else f"{base}/"
    homes = {
        f"/{new}".removesuffix(f"/{old[len(inside) :]}") if f"/{new}".endswith(f"/{old[len(inside) :]}") else None
        for old, new in relocation.moved.items()
        if old.startswith(inside)
    }
    if not homes:
        return Unresolvable(_why_not(base if base.startswith("..") else f"./{base}", "", None))
    home = homes.pop() if len(homes) == 1 else None
    if home is None:
        return Unresolvable(f"means the folder {base}, whose files do not move to one folder; change it by hand")
    return relation(home.removeprefix("/"), posixpath.dirname(relocation.moved[importer]))


def _rebase_alias(specifier: str, importer: str, relocation: Relocation, aliases: AliasMove) -> str | Unresolvable:
    """Return what a specifier that a tsconfig gives a meaning must be: itself, another alias, or a relative path."""
    path, query = specifier, ""
    alias, hit = _meant(path, importer, aliases.before, relocation.files)
    if alias is None:
        return specifier
    if hit is None and "?" in specifier:
        path, _, rest = specifier.partition("?")
        query = f"?{rest}"
        named, hit = _meant(path, importer, aliases.before, relocation.files)
        alias = named or alias
    new_home = relocation.moved[importer]
    landed = _meant(path, new_home, aliases.after, relocation.after)[1]
    if hit is None or hit.path not in relocation.moved:
        if landed is not None or (hit is None and alias.may_be_a_package):
            return specifier
        return Unresolvable(_why_no_alias(alias, hit))
    target = relocation.moved[hit.path]
    if landed is not None and landed.path == target:
        return specifier
    names = dict.fromkeys([written_like(hit, target), *names_of(target)])
    for name in aliases.after.names(names, new_home, like=alias.key):
        found = _meant(name, new_home, aliases.after, relocation.after)[1]
        if found is not None and found.path == target:
            return name + query
    for name in names if alias.is_open else names_of(target):
        candidate = relation(name, posixpath.dirname(new_home))
        found = _find(candidate, new_home, relocation.after)
        if found is not None and found.path == target:
            return candidate + query
    return Unresolvable(f"means {hit.path}, but at the destination another file takes its name")


def _meant(specifier: str, importer: str, aliases: Aliases, files: Container[str]) -> tuple[Alias | None, Hit | None]:
    """Return the alias by which a specifier means a file, and the file; the first that matches, where there is none."""
    first: Alias | None = None
    for alias, place in aliases.places(specifier, importer):
        first = first or alias
        hit = find_file(place, files, typed=is_typed(importer))
        if hit is not None:
            return alias, hit
    return first, None


def _why_no_alias(alias: Alias, hit: Hit | None) -> str:
    if hit is not None:
        return f"means {hit.path}, which no files rule moves; add one, or an imports rule"
    where = "leads out of the unit" if alias.leads_out else "leads to no file of the unit"
    return f"the alias {alias.key!r} of {alias.config} {where}; add an imports rule that says what it is"
