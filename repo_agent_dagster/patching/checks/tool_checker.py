"""A check done by tools: on whatever bench it is given, and not done again for files that it has seen before."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple
from pathlib import Path

from repo_agent_dagster.patching.checks.bench import Bench, Seen
from repo_agent_dagster.patching.checks.check_folder import CheckFolder
from repo_agent_dagster.patching.checks.checker import NOTHING, CheckWithoutVerdict, Overlay
from repo_agent_dagster.patching.checks.findings import Finding
from repo_agent_dagster.patching.checks.recipes import Recipe
from repo_agent_dagster.patching.checks.tree_index import read_tree

_VERSION = 1
_KEPT_RESULTS = 32
_RESULTS = "found-"


class ToolChecker:
    """Does a recipe's check.

    `open_bench` makes the bench when something has to be run; `identity` says what its verdicts depend on beside the
    workspace's files: where it runs, and by which tools.
    """

    def __init__(self, recipe: Recipe, open_bench: Callable[[], Bench], identity: Callable[[Path], str]) -> None:
        self._recipe = recipe
        self._open_bench = open_bench
        self._identity = identity
        self._bench: Bench | None = None
        self._lent: set[str] = set()

    @property
    def name(self) -> str:
        """The check's name."""
        return self._recipe.name

    def check(self, root: Path, overlay: Overlay = NOTHING, *, changed: Collection[str] = ()) -> Sequence[Finding]:
        """Return all findings; from the record of an earlier run where the same files were checked the same way."""
        try:
            return self._check(root, overlay, changed)
        except OSError as error:
            raise CheckWithoutVerdict(f"the check {self.name} cannot read or keep what it needs: {error}") from error

    def close(self) -> None:
        """Close the bench."""
        bench, self._bench = self._bench, None
        self._lent.clear()
        if bench is not None:
            bench.close()

    def _check(self, root: Path, overlay: Overlay, changed: Collection[str]) -> list[Finding]:
        folder = CheckFolder(root)
        seen = self._look(root, folder, overlay, changed)
        name = self._name_of(root, seen)
        recorded = _recorded(folder.read(name))
        if recorded is not None:
            return recorded
        found = self._run(folder, seen)
        # On the host, others may have written meanwhile: then nobody knows what was seen.
        if overlay or self._look(root, folder, overlay, changed).tree.digest == seen.tree.digest:
            folder.write(name, json.dumps([astuple(finding) for finding in found]).encode())
            folder.keep_newest(_RESULTS, _KEPT_RESULTS)
        return found

    def _look(self, root: Path, folder: CheckFolder, overlay: Overlay, changed: Collection[str]) -> Seen:
        scope = self._recipe.scope
        return Seen(root, read_tree(root, scope, folder).overlaid(overlay, scope), overlay, tuple(sorted(set(changed))))

    def _name_of(self, root: Path, seen: Seen) -> str:
        """Return the name of the file that keeps the findings."""
        looked_at = seen.changed if self._recipe.only_changed else ()
        whole = [_VERSION, self._recipe.name, self._identity(root), seen.tree.digest, looked_at]
        return f"{_RESULTS}{hashlib.sha256(json.dumps(whole).encode()).hexdigest()}.json"

    def _run(self, folder: CheckFolder, seen: Seen) -> list[Finding]:
        if self._bench is None:
            self._bench = self._open_bench()
        bench = self._bench
        bench.show(seen, afresh=self._recipe.changes_files)
        kept = self._recipe.kept(seen)
        for name in kept:
            self._lend(bench, folder, name)
        found = self._recipe.findings(bench, seen)
        if not seen.overlay:
            for name in kept:
                left = bench.take_back(name)
                if left is not None:
                    folder.write(name, left)
        return found

    def _lend(self, bench: Bench, folder: CheckFolder, name: str) -> None:
        if name in self._lent:
            return
        content = folder.read(name)
        if content is None and (content := self._recipe.first_kept(bench)) is not None:
            folder.write(name, content)
        if content is not None:
            bench.lend(name, content)
        self._lent.add(name)


def _recorded(content: bytes | None) -> list[Finding] | None:
    """Return recorded findings; None where there are none to be read."""
    if content is None:
        return None
    with contextlib.suppress(ValueError, TypeError):
        return [Finding(*fields) for fields in json.loads(content)]
    return None
