"""What a migration breaks silently: old paths and module names left in strings, configuration, scripts, documents."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.rewriting import residual_text
from repo_agent_dagster.migration.rewriting.residual_names import MovedModules, MovedPaths, RuledNames, Spot
from repo_agent_dagster.migration.rewriting.residual_text import Kind

_PYTHON_LIKE = (".py", ".pyi", ".toml", ".cfg", ".ini")
_ODD = re.compile(r"[^\w.@~+/-]")
"""What a file's name may hold, but no word: such names are looked for as they are."""
_BARE = re.compile(rb"\w+")
"""A word that can be no more than the name of one file or folder: nine of ten words are such and name none."""


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
        self._plain: dict[bool, set[bytes]] = {True: set(), False: set()}
        odd = sorted((path for path in moved if _ODD.search(path)), key=lambda path: (-len(path), path))
        self._odd = re.compile("|".join(map(re.escape, odd))) if odd and not self._paths.all_hold else None

    def run(self) -> tuple[Residual, ...]:
        return tuple(residual for path in sorted(self._files) for residual in self._file(path))

    def _file(self, path: str) -> list[Residual]:
        content = self._files[path]
        if not residual_text.is_searched(path, content):
            return []
        spot = Spot(self._sources.get(path, path), path)
        lost = self._lost_words(content, spot)
        is_dockerfile = residual_text.is_dockerfile(path)
        if not (lost or self._odd or is_dockerfile):
            return []
        text = content.decode("utf-8", "replace")
        found = [
            (*span, was) for raw, was in lost.items() for span in residual_text.places_of(raw, _trimmed(raw), text)
        ]
        for match in (
            *(self._odd.finditer(text) if self._odd else ()),
            *(residual_text.copied(text) if is_dockerfile else ()),
        ):
            was = self._paths.lost(match[0], spot, is_path=True)
            if was is not None:
                found.append((*match.span(), was))
        return _told(path, text, found) if found else []

    def _lost_words(self, content: bytes, spot: Spot) -> dict[str, str]:
        """Return the words of a file that no longer hold, with what became of what they meant."""
        if self._paths.all_hold and self._modules.all_hold and not self._rules.may_stand_in(content):
            return {}
        in_python = spot.new.endswith(_PYTHON_LIKE)
        lost = {}
        words = residual_text.words_in(content) - self._plain[in_python]
        bare = set(filter(_BARE.fullmatch, words)) - self._paths.last_names
        self._plain[in_python] |= bare
        for coded in words - bare:
            raw = coded.decode()
            word = _trimmed(raw)
            may_be_path = bool(word) and self._paths.may_be(word)
            was = self._lost(word, spot, in_python=in_python, may_be_path=may_be_path) if word else None
            if was is not None:
                lost[raw] = was
            elif not (may_be_path or (word and self._rules.lost(word, in_python=in_python))):
                self._plain[in_python].add(coded)
        return lost

    def _lost(self, word: str, spot: Spot, *, in_python: bool, may_be_path: bool) -> str | None:
        if may_be_path and (was := self._paths.lost(word, spot)) is not None:
            return was
        was = self._rules.lost(word, in_python=in_python)
        if was is not None and not (word[0] == "." and self._paths.holds(word, spot)):
            return was
        return self._modules.lost(word)


def _trimmed(word: str) -> str:
    """Return a word without the full stop that ends its sentence, and other marks that end no path."""
    return (word.rstrip(".-+~") if word.strip("./") else word).lstrip("-")


def _told(path: str, text: str, found: list[tuple[int, int, str]]) -> list[Residual]:
    """Return what was found, by place: the longest of what overlaps, and in source code only what is in a string."""
    found.sort(key=lambda one: (one[0], -one[1]))
    if residual_text.kind_of(path) is Kind.CODE:
        strings = list(residual_text.strings_until(path, text, found[-1][1]))
        found = [one for one in found if _is_inside(one[0], strings)]
    residuals = []
    last_end = counted = 0
    line = 1
    for start, end, was in found:
        if start >= last_end:
            last_end = end
            line += text.count("\n", counted, start)
            counted = start
            residuals.append(Residual(path, line, start - text.rfind("\n", 0, start), text[start:end], was))
    return residuals


def _is_inside(position: int, spans: list[tuple[int, int]]) -> bool:
    index = bisect_right(spans, position, key=itemgetter(0)) - 1
    return index >= 0 and position < spans[index][1]
