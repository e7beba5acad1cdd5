"""A check that finds something new whenever it looks."""

from collections.abc import Collection, Sequence
from pathlib import Path

from repo_agent_dagster.patching import Finding, Overlay


class AlwaysFailing:
    """Finds one thing more each time."""

    name = "always failing"

    def __init__(self) -> None:
        self._runs = 0

    def check(self, _root: Path, _overlay: Overlay, *, changed: Collection[str]) -> Sequence[Finding]:
        self._runs += 1
        return [Finding("f", 0, "E", f"run {'x' * self._runs} of {len(changed)} files")]

    def close(self) -> None:
        """Nothing runs for it."""
