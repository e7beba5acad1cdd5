"""The wheel carries everything that is read at run time, and works outside the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel and nothing else of ours."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True, capture_output=True)
    return target


def python(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "REPO_AGENT_HOME": str(cwd / "home")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )


def test_the_code_location_loads_from_the_wheel_with_its_own_files(installed: Path, tmp_path: Path) -> None:
    code = (
        "import assets, repo_agent_dagster.definitions as d; from repo_agent_dagster.packaged import packaged_root;"
        "print(d.__file__, assets.__file__, packaged_root(), sep='\\n')"
    )
    for path in python(installed, tmp_path, "-c", code).stdout.splitlines():
        assert path.startswith(str(installed)), path


def test_the_store_is_upgraded_and_seeded_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    for command in ("upgrade", "seed"):
        python(installed, tmp_path, "-m", "repo_agent_dagster.cli.main", "db", command)
    assert (tmp_path / "home" / "repo_agent.db").stat().st_size > 0


@pytest.mark.parametrize(
    "path",
    [
        "_packaged/dagster.yaml",
        "_packaged/workspace.yaml",
        "_packaged/sql/migrations/env.py",
        "_packaged/sql/queries/patch_facts.sql",
        "_packaged/sql/seeds/repeatable_tasks.yaml",
        "_packaged/examples/STAGING/feedback-worker/migration-manifest.yaml",
        "_packaged/examples/monorepo/tsconfig.base.json",
        "_packaged/examples/buggy_repo/fix.diff",
        "reports/templates/delivery.html.j2",
        "pages/templates/page.css",
        "ai/prompts/d1_to_rpc.md.j2",
        "migration/rewriting/compiler_specifiers.cjs",
        "sandbox/images/Dockerfile",
        "py.typed",
    ],
)
def test_what_is_read_at_run_time_is_in_the_wheel(installed: Path, path: str) -> None:
    assert (installed / "repo_agent_dagster" / path).is_file()
