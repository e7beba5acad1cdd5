"""The names that a unit's files had before they moved, and which of them hold no longer at the destination."""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import ImportLanguage, ImportRule
from repo_agent_dagster.migration.rewriting.moving_unit import ancestors, folder_moves
from repo_agent_dagster.migration.rewriting.python_modules import above_packages
from repo_agent_dagster.migration.rewriting.rules import ImportRules

_LEFT_OUT = {
    ".ts": ("", ".js"),
    ".tsx": ("", ".js", ".jsx"),
    ".mts": ("", ".mjs"),
    ".cts": ("", ".cjs"),
    ".d.ts": ("",),
    ".js": ("",),
    ".jsx": ("",),
    ".mjs": ("",),
    ".cjs": ("",),
    ".json": ("",),
}
"""How a path to a file with such an ending may be written instead."""


@dataclass(frozen=True)
class Spot:
    """Where a file that is searched stood in the unit, and where it stands now."""

    old: str
    new: str


class MovedPaths:
    """The paths of files and folders that moved: what a word meant, and whether it still means something.

    `all_hold`: the unit moved as a whole, so that every path holds from the folders that it held from. `last_names`:
    all that the last part of a path of the unit may be.
    """

    def __init__(self, moved: Mapping[str, str], standing: Iterable[str], stands: Callable[[str], bool]) -> None:
        self._moved = moved
        self._old = _spellings(moved)
        self._folders = folder_moves(moved)
        new = [*standing, *moved.values()]
        self._new = {*_spellings(new), *(folder for path in new for folder in ancestors(path))}
        self._stands = stands
        self.all_hold = self._folders.get("") is not None and all(
            posixpath.basename(old) == posixpath.basename(place) for old, place in moved.items()
        )
        self._last = {posixpath.basename(path) for path in (*self._old, *self._folders)} - {""}
        self.last_names = {name.encode() for name in self._last}
        self._files = {posixpath.basename(path) for path in moved}

    def may_be(self, word: str) -> bool:
        """Return whether a word can be a path of the unit at all, wherever it stands; quick."""
        path, is_folder = _fixed(word)
        name = posixpath.basename(path)
        if name not in self._last:
            return False
        return is_folder or "/" in path or name in self._files

    def lost(self, word: str, spot: Spot, *, is_path: bool = False) -> str | None:
        """Return what became of what a word in a file meant; None where it meant nothing, or still holds.

        A name without folders means the file beside the one that holds it, unless it is known for a path.
        """
        path, explicit = _fixed(word)
        bases = _bases(path, spot.old)
        for base in bases if "/" in path or explicit or is_path else bases[:1]:
            meant = _join(base, path)
            if meant and (meant in self._old or meant in self._folders):
                return None if self.holds(word, spot) else self._told(meant)
        return None

    def holds(self, word: str, spot: Spot) -> bool:
        """Return whether a word means a file or a folder from where it stands now."""
        path = _fixed(word)[0]
        places = (_join(base, path) for base in _bases(path, spot.new))
        return any(place in self._new or self._stands(place) for place in places)

    def _told(self, meant: str) -> str:
        if meant in self._old:
            file = self._old[meant]
            return f"{file} moved to {self._moved[file]}"
        image = self._folders[meant]
        return f"folder {meant} " + ("moved apart" if image is None else f"moved to {image or '.'}")


class MovedModules:
    """Python's dotted names of the unit's modules that changed with the move."""

    def __init__(self, moved: Mapping[str, str], stands: Callable[[str], bool]) -> None:
        old, new = set(moved), set(moved.values())
        names = {
            _dotted(path, old.__contains__): _dotted(place, lambda file: file in new or stands(file))
            for path, place in moved.items()
            if path.endswith(".py")
        }
        held = set(names.values())
        self._changed = {name: now for name, now in names.items() if "." in name and name != now and name not in held}

    @property
    def all_hold(self) -> bool:
        """Whether every module has the name that it had."""
        return not self._changed

    def lost(self, word: str) -> str | None:
        """Return what became of the module that a dotted name begins with; None where none did anything."""
        if not self._changed or "/" in word:
            return None
        name = word
        while "." in name:
            if name in self._changed:
                return f"module {name} is {self._changed[name]} now"
            name = name.rpartition(".")[0]
        return None


class RuledNames:
    """Module names that the manifest's import rules change."""

    def __init__(self, rules: tuple[ImportRule, ...]) -> None:
        self._manifest, self._rules = rules, ImportRules(rules)
        self._beginnings = [text.encode() for rule in rules if (text := rule.exact or rule.prefix)]
        self._any_text = any(rule.regex is not None for rule in rules)

    def may_stand_in(self, content: bytes) -> bool:
        """Return whether a file can hold a name that a rule changes; quick."""
        return self._any_text or any(beginning in content for beginning in self._beginnings)

    def lost(self, word: str, *, in_python: bool) -> str | None:
        """Return what an import rule would have made of a word; None for plain words and for what is new already."""
        language = _language_like(word, in_python=in_python)
        if language is None or not self._manifest:
            return None
        ruled = self._rules.apply(word, language)
        if ruled is None or ruled.text == word or word.startswith(self._manifest[ruled.rule].to):
            return None
        return f"imports[{ruled.rule}] makes it {ruled.text!r}"


def _language_like(word: str, *, in_python: bool) -> ImportLanguage | None:
    """Return the language in which a word looks like a module's name."""
    if "/" in word:
        is_domain = "." in word.partition("/")[0].lstrip(".")
        return "go" if is_domain else "ts"
    if word.startswith("@"):
        return "ts"
    return "py" if in_python and "." in word.strip(".") else None


def _spellings(paths: Iterable[str]) -> dict[str, str]:
    """Return the files by the ways in which their paths may be written; a path as it is comes first."""
    exact = {path: path for path in paths}
    spelled = dict(exact)
    for path in exact:
        for ending, instead in _LEFT_OUT.items():
            if path.endswith(ending):
                for other in instead:
                    spelled.setdefault(path[: -len(ending)] + other, path)
    return spelled


def _fixed(word: str) -> tuple[str, bool]:
    """Return a word's path before its first wildcard, and whether it can only be a path (``./x``, ``x/``, ``x/*``)."""
    path = word.partition("/")[2] if word[0] in "$/" else word
    segments = path.split("/")
    wild = next((number for number, segment in enumerate(segments) if "*" in segment or "$" in segment), None)
    fixed = "/".join(segments if wild is None else segments[:wild])
    return fixed.rstrip("/"), wild is not None or path != word or path.endswith("/") or path.startswith("./")


def _bases(path: str, spot: str) -> list[str]:
    """Return the folders that a path in a file may start from: the file's, and unless it climbs, those above."""
    return [posixpath.dirname(spot)] if path.startswith("..") else ancestors(spot)


def _join(base: str, path: str) -> str:
    joined = posixpath.normpath(posixpath.join(base, path))
    return "" if joined == "." else joined


def _dotted(path: str, exists: Callable[[str], bool]) -> str:
    """Return a module's name as its packages give it: from the folder that holds the top package."""
    folder = above_packages(path, lambda package: exists(f"{package}/__init__.py"))
    inside = path[len(folder) + 1 :] if folder else path
    return inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
