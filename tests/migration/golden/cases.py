"""The golden units: data folders that say what comes in, and what must stand in the monorepo after it.

A case is a folder of `units/`:

- ``case.yaml``: the target (a folder of `targets/`), what the migration must list, how the result is proved to work.
- ``unit/``: the unit with its manifest; ``unit-v2/``: the files that upstream changed or added later.
- ``expected/``: the files that the migration brings to the target; ``expected-v2/``: those that differ after version 2.
- ``edits/``: the files that people changed in the monorepo between the two versions.
- ``expected-rpc/``: the files that differ from ``expected/`` after the D1-to-RPC refactoring.

Trees lie over each other, so that a file stands here once for each content that it has.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from repo_agent_dagster.contracts.migration import Manifest, Refactor
from repo_agent_dagster.migration import load_manifest
from tests.migration.golden.trees import File, laid_over, read_tree

HERE = Path(__file__).parent
NOT_OURS = (".mission_control", ".migration-lock.json")
"""What a migration keeps for itself: its bytes are not golden, `test_golden` proves what they must hold."""


@dataclass(frozen=True)
class Case:
    """One golden unit."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its data is."""
        return HERE / "units" / self.name

    @cached_property
    def said(self) -> dict[str, Any]:
        """What its case.yaml says."""
        return dict(yaml.safe_load((self.folder / "case.yaml").read_text()))

    @cached_property
    def manifest(self) -> Manifest:
        """Its manifest, without the refactoring: that is a step of its own, with a golden result of its own."""
        return self.full_manifest.model_copy(update={"refactor": Refactor()})

    @cached_property
    def full_manifest(self) -> Manifest:
        """Its manifest as it stands in the unit."""
        return load_manifest(self.folder / "unit")

    @property
    def is_refactored(self) -> bool:
        """Whether its manifest asks for a refactoring."""
        return self.full_manifest.refactor != Refactor()

    @property
    def destination(self) -> str:
        """Where it goes, relative to the target root."""
        return self.manifest.destination

    @property
    def listed(self) -> list[str]:
        """What the migration must list as left alone: ``file:line specifier``."""
        return list(self.said.get("listed", ()))

    @property
    def left_over(self) -> list[str]:
        """Which old names survive where nothing rewrites them: ``file:line text``."""
        return list(self.said.get("left_over", ()))

    @cached_property
    def target(self) -> dict[str, File]:
        """The monorepo before."""
        return read_tree(HERE / "targets" / self.said["target"])

    @cached_property
    def unit(self) -> dict[str, File]:
        """The unit as it came first."""
        return read_tree(self.folder / "unit")

    @cached_property
    def migrated(self) -> dict[str, File]:
        """The monorepo after the migration."""
        return laid_over(self.target, read_tree(self.folder / "expected"))

    @property
    def has_v2(self) -> bool:
        """Whether there is a second version of the unit."""
        return (self.folder / "unit-v2").is_dir()

    @cached_property
    def unit_v2(self) -> dict[str, File]:
        """The unit as it came the second time."""
        return laid_over(self.unit, read_tree(self.folder / "unit-v2"), without=self._v2("upstream_deletes"))

    @cached_property
    def edited(self) -> dict[str, File]:
        """The monorepo after people worked in it."""
        return laid_over(self.migrated, read_tree(self.folder / "edits"), without=self._v2("people_delete"))

    @cached_property
    def merged(self) -> dict[str, File]:
        """The monorepo after the second version met people's edits."""
        return laid_over(self.edited, read_tree(self.folder / "expected-v2"), without=self._v2("deleted"))

    @cached_property
    def refactored(self) -> dict[str, File]:
        """The monorepo after the migration and the D1-to-RPC refactoring."""
        over = read_tree(self.folder / "expected-rpc")
        return laid_over(self.migrated, over, without=self.said.get("rpc_deletes", ()))

    def _v2(self, key: str) -> list[str]:
        return list(self.said.get("v2", {}).get(key, ()))


def all_cases() -> list[Case]:
    """Return every golden unit, by name."""
    return [Case(path.parent.name) for path in sorted((HERE / "units").glob("*/case.yaml"))]
