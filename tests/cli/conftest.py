"""`patchctl` as a process, on a small workspace and a store of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.warm_processes import run_patchctl

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "f.py").write_text("def f():\n    return 1\n")
    return folder


@pytest.fixture
def store_url(tmp_path: Path, upgraded_file: Path) -> str:
    shutil.copy(upgraded_file, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def patchctl(root: Path, tmp_path: Path, store_url: str) -> Run:
    """Run patchctl in the folder above the workspace, which it is given."""

    def run(command: str, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        where = [] if command == "schema" else ["--workspace", str(root)]
        settings = {"REPO_AGENT_DATABASE_URL": store_url, "NO_COLOR": "1", "COLUMNS": "200", **environment}
        return run_patchctl(
            [command, *where, *arguments], cwd=tmp_path, environment={**os.environ, **settings}, stdin=stdin
        )

    return run
