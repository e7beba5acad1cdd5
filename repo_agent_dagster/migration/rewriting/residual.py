"""What a migration breaks silently: old paths and module names left in strings, configuration, scripts, documents."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.rewriting import residual_text
from repo_agent_dagster.migration.rewriting.residual_names import MovedModules, MovedPaths, RuledNames, Spot
from repo_agent_dagster.migration.rewriting.residual_text import WORD, Kind

_PYTHON_LIKE = (".py", ".pyi", ".toml", ".cfg", ".ini")
_ODD = re.compile(r"[^\w.@~*+/-]")


@dataclass(frozen=True)
class Residual:
    """A name that meant something in the unit and no longer holds where it stands.

    `file` is the new path, line and column count from 1; `was` says what became of what it meant.
    """

    file: str
    line: int
    column: int
    text: str
    was: str


def residual_scan(
    files: Mapping[str, bytes],
    moved: Mapping[str, str],
    manifest: Manifest,
    *,
    stands: Callable[[str], bool] = lambda _: False,
) -> tuple[Residual, ...]:
    """Return the names left over in the migrated files, in the order of file and place.

    `files` are the new contents by new path, `moved` the new path of each file by its path in the unit; `stands` tells
    whether a path of the target root holds a file that is not of this migration. A path counts if it was one of the
    unit's files or folders, as seen from the file, its package or the unit's root, and if from the file's new place,
    any folder above it or the target root it means nothing. In source code only strings count, never comments.
    """
    return _Scan(files, moved, manifest, stands).run()


class _Scan:
    def __init__(
        self,
        files: Mapping[str, bytes],
        moved: Mapping[str, str],
        manifest: Manifest,
        stands: Callable[[str], bool],
    ) -> None:
        self._files = files
        self._sources = {new: old for old, new in moved.items()}
        self._paths = MovedPaths(moved, files, stands)
        self._modules = MovedModules(moved, stands)
        self._rules = RuledNames(manifest.imports)
        self._plain: dict[bool, set[str]] = {True: set(), False: set()}
        odd = sorted((path for path in moved if _ODD.search(path)), key=lambda path: (-len(path), path))
        self._odd = re.compile("|".join(map(re.escape, odd))) if odd else None

    def run(self) -> tuple[Residual, ...]:
        return tuple(residual for path in sorted(self._files) for residual in self._file(path))

    def _file(self, path: str) -> list[Residual]:
        text = residual_text.text_of(path, self._files[path])
        if text is None:
            return []
        spot = Spot(self._sources.get(path, path), path)
        in_python = path.endswith(_PYTHON_LIKE)
        lost: dict[str, str] = {}
        for word in set(WORD.findall(text)) - self._plain[in_python]:
            was = self._lost(word, spot, in_python=in_python)
            if was is not None:
                lost[word] = was
        found = [(match, lost[match[0]]) for match in WORD.finditer(text) if match[0] in lost] if lost else []
        for match in self._paths_by_place(path, text):
            was = self._paths.lost(match[0], spot)
            if was is not None and match[0] not in lost:
                found.append((match, was))
        return _told(path, text, found) if found else []

    def _lost(self, raw: str, spot: Spot, *, in_python: bool) -> str | None:
        """Return what became of what a word meant; words that cannot be a name anywhere are remembered."""
        word = _trimmed(raw)
        may_be_path = bool(word) and word[0] != "/" and self._paths.may_be(word)
        if may_be_path and (was := self._paths.lost(word, spot)) is not None:
            return was
        was = None if not word or word[0] == "/" else self._rules.lost(word, in_python=in_python)
        if was is not None and word.startswith(".") and self._paths.holds(word, spot):
            return None
        was = was or self._modules.lost(word)
        if was is None and not may_be_path:
            self._plain[in_python].add(raw)
        return was

    def _paths_by_place(self, path: str, text: str) -> Iterator[re.Match[str]]:
        """Yield what is a path for another reason than its looks: odd file names, and what a Dockerfile copies."""
        if self._odd is not None:
            yield from self._odd.finditer(text)
        if residual_text.is_dockerfile(path):
            yield from residual_text.copied(text)


def _trimmed(word: str) -> str:
    """Return a word without the full stop that ends its sentence, and other marks that end no path."""
    return (word.rstrip(".-+~") if word.strip("./") else word).lstrip("-")


def _told(path: str, text: str, found: list[tuple[re.Match[str], str]]) -> list[Residual]:
    strings = residual_text.strings_in(path, text) if residual_text.kind_of(path) is Kind.CODE else None
    lines = [0, *(feed.end() for feed in re.finditer("\n", text))]
    residuals = []
    end = 0
    for match, was in sorted(found, key=lambda pair: (pair[0].start(), -pair[0].end())):
        start = match.start()
        if start >= end and (strings is None or _is_inside(start, strings)):
            end = match.end()
            line = bisect_right(lines, start)
            residuals.append(Residual(path, line, start - lines[line - 1] + 1, _trimmed(match[0]), was))
    return residuals


def _is_inside(position: int, spans: list[tuple[int, int]]) -> bool:
    index = bisect_right(spans, position, key=itemgetter(0)) - 1
    return index >= 0 and position < spans[index][1]
