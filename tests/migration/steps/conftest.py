"""Migrations with a store of their own: SQLite, real files, no sandbox unless a test brings one."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.migration import Bases, Environment, Migration, Outcome, load_manifest
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction
from repo_agent_dagster.store.patch_events import StoreCustody
from repo_agent_dagster.store.staging_migrations import StagingMigration
from tests.migration.conftest import MANIFEST, Files, read_tree, write_tree

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Yard:
    """A STAGING folder beside a monorepo, and migrations from one into the other."""

    def __init__(self, tmp_path: Path, engine: Engine) -> None:
        self.staging, self.target = tmp_path / "STAGING", tmp_path / "monorepo"
        self.staging.mkdir()
        self.target.mkdir()
        self.environment = Environment(
            engine=engine,
            custody=StoreCustody(engine),
            bases=Bases(tmp_path / "bases"),
            now=lambda: NOW,
        )

    def drop(self, files: Files, *, manifest: str = MANIFEST, unit: str = "app") -> Path:
        """Put files into a unit, with its manifest; a file of None goes away."""
        return write_tree(self.staging / unit, {"migration-manifest.yaml": manifest, **files})

    def edit(self, files: Files) -> None:
        write_tree(self.target, files)

    def open(self, unit: str = "app", **environment: Any) -> Migration:
        folder = self.staging / unit
        return Migration.open(
            folder,
            self.target,
            replace(self.environment, **environment),
            manifest=load_manifest(folder),
            staging_dir=self.staging,
        )

    def run(self, unit: str = "app", **environment: Any) -> Outcome:
        return self.open(unit, **environment).run()

    def tree(self) -> dict[str, bytes]:
        """The monorepo without locks."""
        return {path: content for path, content in read_tree(self.target).items() if not path.endswith("-lock.json")}

    def row(self, unit: str = "app") -> StagingMigration:
        with read_transaction(self.environment.engine) as conn:
            found = staging_migrations.latest(conn, unit)
        assert found is not None
        return found


@pytest.fixture
def yard(tmp_path: Path, sqlite_store: Engine) -> Yard:
    return Yard(tmp_path, sqlite_store)
