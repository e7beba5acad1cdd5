"""Which module of the target root a specifier of a unit may mean: by the last part of its path and by its names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.package_entries import entry_of, exported_file, file_at
from repo_agent_dagster.migration.inventory.structured_files import mapping_of
from repo_agent_dagster.migration.manifest.draft_target import TargetRoot

_ENDINGS = (".d.ts", ".tsx", ".ts", ".jsx", ".js", ".mjs", ".cjs", ".mts", ".cts")


@dataclass(frozen=True)
class Candidate:
    """A module of the target root: how it is imported there, and the file that it is.

    `prefix` is the part of the specifier before what the path's rest gives, where a whole family is mapped alike.
    """

    specifier: str
    file: str
    prefix: str | None = None


def candidates(path: str, names: frozenset[str], target: TargetRoot) -> list[Candidate]:
    """Return the modules that a path such as ``utils/http`` may mean, one for each file, the shortest way to write it.

    A module that is known not to export one of the names is none.
    """
    segments = _bare(path).split("/")
    found: dict[str, Candidate] = {}
    for candidate in [*_by_alias(segments, target), *_by_package(segments, target)]:
        known = found.get(candidate.file)
        if known is None or len(candidate.specifier) < len(known.specifier):
            found[candidate.file] = candidate
    return [one for _, one in sorted(found.items()) if _gives(one.file, names, target)]


def is_certain(path: str, names: frozenset[str], found: Sequence[Candidate]) -> bool:
    """Return whether one module alone fits: by its names, or by a path of two parts and more."""
    return len(found) == 1 and (bool(names) or "/" in _bare(path))


def candidates_by_names(names: frozenset[str], target: TargetRoot) -> list[Candidate]:
    """Return the modules with a name of their own at the target root that export all of the names, whatever their path.

    These are guesses for a person to judge: names alone make nothing certain.
    """
    if not names - {"default"}:
        return []
    found: dict[str, Candidate] = {}
    for candidate in _with_a_name(target):
        known = found.get(candidate.file)
        if known is None or len(candidate.specifier) < len(known.specifier):
            found[candidate.file] = candidate
    given = {file: target.given_names.of(file) for file in found}
    return [one for file, one in sorted(found.items()) if (exported := given[file]) is not None and names <= exported]


def _with_a_name(target: TargetRoot) -> Iterator[Candidate]:
    for pattern, places in target.aliases:
        for place in places if "*" not in pattern else ():
            if (file := file_at(place, target)) is not None:
                yield Candidate(pattern, file)
    for package in target.packages:
        if package.name is not None:
            keys = [
                key for key in mapping_of(package.description, "exports") if key.startswith("./") and "*" not in key
            ]
            for key in [".", *keys]:
                if (file := entry_of(package.description, package.folder, key, target)) is not None:
                    yield Candidate(package.name + key[1:], file)


def _gives(file: str, names: frozenset[str], target: TargetRoot) -> bool:
    given = target.given_names.of(file) if names else None
    return given is None or names <= given


def _by_alias(segments: list[str], target: TargetRoot) -> Iterator[Candidate]:
    whole, rest = "/".join(segments), "/".join(segments[1:])
    for pattern, places in target.aliases:
        before, star, after = pattern.partition("*")
        last = before.rstrip("/").rpartition("/")[2]
        for place in places:
            if not star:
                if last == segments[0] and not rest and (file := file_at(place, target)) is not None:
                    yield Candidate(pattern, file)
            elif not after and before:
                if last == segments[0] and rest and (file := file_at(place.replace("*", rest), target)) is not None:
                    yield Candidate(before + rest, file, before)
                elif (file := file_at(place.replace("*", whole), target)) is not None:
                    yield Candidate(before + whole, file, f"{before}{segments[0]}/" if rest else None)


def _by_package(segments: list[str], target: TargetRoot) -> Iterator[Candidate]:
    whole, rest = "/".join(segments), "/".join(segments[1:])
    for package in target.packages:
        if package.name is None:
            continue
        if package.name.rpartition("/")[2] == segments[0]:
            file = entry_of(package.description, package.folder, f"./{rest}" if rest else ".", target)
            if file is not None:
                specifier = f"{package.name}/{rest}" if rest else package.name
                yield Candidate(specifier, file, f"{package.name}/" if rest else None)
        if (file := exported_file(package.description, package.folder, f"./{whole}", target)) is not None:
            yield Candidate(f"{package.name}/{whole}", file, f"{package.name}/{segments[0]}/" if rest else None)


def _bare(path: str) -> str:
    """Return a path without its ending and without the index file that a folder means."""
    stem = next((path[: -len(ending)] for ending in _ENDINGS if path.endswith(ending)), path)
    return stem.removesuffix("/index")
