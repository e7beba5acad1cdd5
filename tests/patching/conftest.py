"""A workspace, its custody, and short ways to ask for patches."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import BatchResult, Workspace, apply_batch
from repo_agent_dagster.store.patch_events import StoreCustody

Apply = Callable[..., BatchResult]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty workspace."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def custody(sqlite_store: Engine) -> StoreCustody:
    return StoreCustody(sqlite_store)


@pytest.fixture
def patch(root: Path, custody: StoreCustody, now: datetime) -> Apply:
    """Apply operations, given as dicts, to the workspace; keywords are the batch's fields or `checker`, `dry_run`…"""

    def apply(*operations: dict[str, Any], **options: Any) -> BatchResult:
        fields = {name: options.pop(name) for name in list(options) if name in PatchBatch.model_fields}
        batch = PatchBatch(patches=list(operations), **fields)
        return apply_batch(Workspace(root), batch, custody=custody, now=now, **options)

    return apply
