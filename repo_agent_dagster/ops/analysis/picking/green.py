"""The last passing log of the same job: what it says too is not why this one failed."""

import re
from collections.abc import Sequence

from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.model import Log
from repo_agent_dagster.ops.analysis.picking.sheet import sheet_of

_COMPARED_CHARACTERS = 400
_MOST_ALIKE = 200
_VARYING = re.compile(r"[^\s0-9/\\@]*[0-9/\\@]\S*")


class GreenLines:
    """The lines of a passing log, compared with times, ids, numbers and paths masked.

    Most lines of the failing log stand in it to the letter. Of the others, only those are masked that have the same
    plain words, and at most `_MOST_ALIKE` of these: masking every line would cost more than all else.
    """

    def __init__(self, log: Log) -> None:
        self._texts = dict.fromkeys(text.strip()[:_COMPARED_CHARACTERS] for text in sheet_of(log.lines).texts)
        self._alike: dict[str, list[str]] | None = None
        self._patterns: dict[str, set[str]] = {}

    def has(self, text: str) -> bool:
        """Return whether the passing log has this line, or one that differs only in what varies. It has empty ones."""
        text = text.strip()[:_COMPARED_CHARACTERS]
        if not text or text in self._texts:
            return True
        if self._alike is None:
            self._alike = {}
            for line in self._texts:
                alike = self._alike.setdefault(_words(line), [])
                if len(alike) < _MOST_ALIKE:
                    alike.append(line)
        words = _words(text)
        if words not in self._alike:
            return False
        if words not in self._patterns:
            self._patterns[words] = {pattern(line) for line in self._alike[words]}
        return pattern(text) in self._patterns[words]

    def has_all(self, texts: Sequence[str]) -> bool:
        """Return whether the passing log has every one of these lines."""
        return all(self.has(text) for text in texts)


def _words(text: str) -> str:
    return _VARYING.sub("0", text)
