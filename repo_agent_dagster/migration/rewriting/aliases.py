"""What specifiers mean by a tsconfig's `paths` and `baseUrl`: read once for a unit, before and after it moves.

The tsconfig.json (or jsconfig.json) nearest to a file decides, with what it extends; where it gives no aliases itself,
one that it references in its own folder does.
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.migration.rewriting.json_spans import parse
from repo_agent_dagster.migration.rewriting.specifiers import read_source
from repo_agent_dagster.migration.rewriting.typescript_files import place_of
from repo_agent_dagster.migration.rewriting.values import Array, NotReadable, Table, Text, Value

CONFIG_NAMES = ("tsconfig.json", "jsconfig.json")
ReadFile = Callable[[str], bytes | None]
"""Reads a file by its path from the root, forward slashes; None where there is none."""
_DEEPEST = 20


@dataclass(frozen=True)
class Alias:
    """One key of `paths` with its targets, from the root; or the `baseUrl`, with "*" as its key.

    `config` is the file that says so.
    """

    key: str
    targets: tuple[str, ...]
    config: str
    is_base: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a part of the specifier goes into the target, so that its ending is the specifier's own."""
        return "*" in self.key

    @property
    def may_be_a_package(self) -> bool:
        """Whether a specifier that matches and leads to no file may be a package's all the same."""
        return self.key == "*" or all("node_modules" in target.split("/") for target in self.targets)

    @property
    def leads_out(self) -> bool:
        """Whether every target is outside of the root."""
        return all(target.startswith("..") for target in self.targets)

    def places(self, specifier: str) -> Iterator[str]:
        """Yield the paths that a specifier may mean; none where the key does not match."""
        before, star, after = self.key.partition("*")
        if not star:
            if specifier == self.key:
                yield from self.targets
            return
        if len(specifier) < len(before) + len(after) or not (
            specifier.startswith(before) and specifier.endswith(after)
        ):
            return
        part = specifier[len(before) : len(specifier) - len(after)]
        for target in self.targets:
            yield place_of(target.replace("*", part, 1), "")

    def name_of(self, path: str) -> str | None:
        """Return the specifier that means a path by the first target, or None."""
        before, star, after = self.targets[0].partition("*")
        if not star or not self.is_open:
            return self.key if path == self.targets[0] and not self.is_open else None
        if len(path) <= len(before) + len(after) or not (path.startswith(before) and path.endswith(after)):
            return None
        return self.key.replace("*", path[len(before) : len(path) - len(after)], 1)


@dataclass(frozen=True)
class Aliases:
    """The aliases in force in each folder that has a tsconfig, the more particular first; "" is the root."""

    by_folder: Mapping[str, tuple[Alias, ...]] = field(default_factory=dict)

    def places(self, specifier: str, importer: str) -> Iterator[tuple[Alias, str]]:
        """Yield the paths that a specifier may mean in a file, in the order in which TypeScript tries them."""
        decided = False
        for alias in self._of(importer):
            if decided and not alias.is_base:
                continue
            for place in alias.places(specifier):
                decided = True
                yield alias, place

    def names(self, paths: Iterable[str], importer: str, *, like: str) -> Iterator[str]:
        """Yield specifiers that may mean one of the paths in a file: those by the key `like` first."""
        aliases = sorted(self._of(importer), key=lambda alias: alias.key != like)
        for alias in aliases:
            for path in paths:
                if (alias.key == like or alias.key != "*") and (name := alias.name_of(path)) is not None:
                    yield name

    def _of(self, importer: str) -> tuple[Alias, ...]:
        if not self.by_folder:
            return ()
        folder = posixpath.dirname(importer)
        while folder not in self.by_folder:
            if not folder:
                return ()
            folder = posixpath.dirname(folder)
        return self.by_folder[folder]


@dataclass(frozen=True)
class AliasMove:
    """A unit's aliases as they are in the unit, and as they will be under the target root."""

    before: Aliases
    after: Aliases


def alias_move(
    contents: Mapping[str, bytes],
    moved: Mapping[str, str],
    rewrite: Callable[[str, bytes], bytes],
    standing: ReadFile,
) -> AliasMove | None:
    """Return the aliases of a unit that moves, or None where it has none.

    `contents` are the unit's files and `moved` says where they go. `rewrite(path, content)` is what becomes of one on
    the way (only configuration files are asked for), `standing` reads one of the target root that is not of the unit.
    """
    before = read_aliases({posixpath.dirname(path) for path in contents if is_config(path)}, contents.get)
    if not any(before.by_folder.values()):
        return None
    sources = {new: old for old, new in moved.items()}
    folders: set[str] = set()
    for path in moved.values():
        folder = posixpath.dirname(path)
        while folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)

    def read(path: str) -> bytes | None:
        source = sources.get(path)
        return standing(path) if source is None else rewrite(source, contents[source])

    return AliasMove(before, read_aliases(folders, read))


def read_aliases(folders: Iterable[str], read: ReadFile) -> Aliases:
    """Return the aliases of the tsconfig files in some folders; a file that cannot be read gives none."""
    found: dict[str, tuple[Alias, ...]] = {}
    for folder in sorted(folders):
        for name in CONFIG_NAMES:
            path = posixpath.join(folder, name)
            if (config := _config(path, read)) is not None:
                found[folder] = _aliases(_extended(path, config, read), folder) or _referenced(path, config, read)
                break
    return Aliases(found)


def is_config(path: str) -> bool:
    """Return whether a path is that of a file which says what specifiers mean in its folder."""
    return posixpath.basename(path) in CONFIG_NAMES


@dataclass(frozen=True)
class _Options:
    """What a tsconfig says of aliases, with the file that says it; None where it says nothing."""

    paths: tuple[str, Mapping[str, tuple[str, ...]]] | None = None
    base: tuple[str, str] | None = None

    def over(self, other: "_Options") -> "_Options":
        return _Options(self.paths or other.paths, self.base or other.base)


def _aliases(options: _Options, folder: str) -> tuple[Alias, ...]:
    base = None if options.base is None else _inside(options.base[1], options.base[0], folder)
    found = []
    if options.paths is not None:
        config, paths = options.paths
        for key, targets in paths.items():
            home = config if base is None else posixpath.join("" if base == "." else base, "tsconfig.json")
            places = tuple(_inside(target, home, folder) for target in targets)
            if places and key.count("*") <= 1:
                found.append(Alias(key, places, config))
    # An exact key before all others, then the longest beginning: the order in which TypeScript chooses one.
    found.sort(key=lambda alias: (alias.is_open, -len(alias.key.partition("*")[0])))
    if base is not None and options.base is not None:
        found.append(Alias("*", (f"{base}/*" if base != "." else "*",), options.base[0], is_base=True))
    return tuple(found)


def _inside(target: str, config: str, folder: str) -> str:
    """Return a target's path from the root; `${configDir}` is the folder of the tsconfig that was asked for."""
    if target.startswith("${configDir}"):
        return place_of("." + target.removeprefix("${configDir}"), posixpath.join(folder, "x"))
    return place_of(target, config)


def _referenced(path: str, config: Table, read: ReadFile) -> tuple[Alias, ...]:
    """Return the aliases of the first referenced configuration in the same folder that has some."""
    folder = posixpath.dirname(path)
    references = _member(config, "references")
    for reference in references.items if isinstance(references, Array) else ():
        named = _member(reference, "path")
        place = place_of(named.value, path) if isinstance(named, Text) else ""
        if place.endswith(".json") and posixpath.dirname(place) == folder and (other := _config(place, read)):
            aliases = _aliases(_extended(place, other, read), folder)
            if aliases:
                return aliases
    return ()


def _extended(path: str, config: Table, read: ReadFile, depth: int = 0) -> _Options:
    """Return what a configuration says, and what it extends where it says nothing; the last of several wins."""
    compiler = _member(config, "compilerOptions")
    paths, base = _member(compiler, "paths"), _member(compiler, "baseUrl")
    own = _Options(
        (path, {key: _texts(value) for key, value in paths.members}) if isinstance(paths, Table) else None,
        (path, base.value) if isinstance(base, Text) else None,
    )
    extends = _member(config, "extends")
    for name in reversed([extends.value] if isinstance(extends, Text) else _texts(extends)):
        if depth < _DEEPEST and name.startswith(("./", "../")):
            place = place_of(name, path)
            for candidate in (place, f"{place}.json"):
                if (other := _config(candidate, read)) is not None:
                    own = own.over(_extended(candidate, other, read, depth + 1))
                    break
    return own


def _config(path: str, read: ReadFile) -> Table | None:
    content = read(path)
    source = None if content is None else read_source(content)
    try:
        value = None if source is None else parse(source.text)
    except NotReadable:
        return None  # whoever rewrites configuration files lists it
    return value if isinstance(value, Table) else None


def _member(value: Value | None, key: str) -> Value | None:
    """Return what stands at a key; the last one counts where it stands twice."""
    if not isinstance(value, Table):
        return None
    return next((member for name, member in reversed(value.members) if name == key), None)


def _texts(value: Value | None) -> tuple[str, ...]:
    return tuple(item.value for item in value.items if isinstance(item, Text)) if isinstance(value, Array) else ()
