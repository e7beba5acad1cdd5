"""The last passing log of the same job: what it says too is not why this one failed."""

from collections.abc import Sequence

from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.model import Log
from repo_agent_dagster.ops.analysis.picking.sheet import sheet_of

_COMPARED_CHARACTERS = 400


class GreenLines:
    """The lines of a passing log, compared with times, ids, numbers and paths masked.

    Most lines of the failing log stand in it to the letter; only the others are masked.
    """

    def __init__(self, log: Log) -> None:
        self._texts = {text.strip()[:_COMPARED_CHARACTERS] for text in sheet_of(log.lines).texts}
        self._masked: set[str] | None = None
        self._answers: dict[str, bool] = {}

    def has(self, text: str) -> bool:
        """Return whether the passing log has this line, or one that differs only in what varies. It has empty ones."""
        text = text.strip()[:_COMPARED_CHARACTERS]
        if not text or text in self._texts:
            return True
        known = self._answers.get(text)
        if known is None:
            if self._masked is None:
                self._masked = {pattern(line) for line in self._texts}
            known = self._answers[text] = pattern(text) in self._masked
        return known

    def has_all(self, texts: Sequence[str]) -> bool:
        """Return whether the passing log has every one of these lines."""
        return all(self.has(text) for text in texts)
