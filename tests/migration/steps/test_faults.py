"""What can go wrong while a unit migrates: kills, full disks, people who edit, names and trees of every kind."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from repo_agent_dagster.migration import STEPS, ManifestError, UnitError
from repo_agent_dagster.store.staging_migrations import StagingStatus
from tests.migration.conftest import MANIFEST
from tests.migration.steps.conftest import Yard
from tests.migration.steps.killed_migration import migrate_and_die
from tests.warm_processes import warm

FILES = {"src/a.ts": "import { b } from './b';\nexport const a = b;\n", "src/b.ts": "export const b = 1;\n"}
MIGRATED = {f"apps/app/{path}": text.encode() for path, text in FILES.items()}


def run_killed(yard: Yard, tmp_path: Path, step: str, moment: str) -> None:
    url = str(yard.environment.engine.url)
    arguments = (url, yard.staging / "app", yard.target, tmp_path / "bases", step, moment)
    process = warm().Process(target=migrate_and_die, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["begins", "ends"])
@pytest.mark.parametrize("step", STEPS)
def test_a_migration_that_is_killed_is_gone_on_with(yard: Yard, tmp_path: Path, step: str, moment: str) -> None:
    yard.edit({"README.md": "monorepo\n"})
    yard.drop(FILES)

    run_killed(yard, tmp_path, step, moment)
    assert yard.tree() in ({"README.md": b"monorepo\n"}, {"README.md": b"monorepo\n", **MIGRATED})
    yard.run()

    assert yard.tree() == {"README.md": b"monorepo\n", **MIGRATED}
    assert yard.row().status is StagingStatus.APPLIED
    assert yard.run().status == "nothing_to_do"


def test_a_full_disk_leaves_the_tree_as_it_was(yard: Yard, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)], check=True)
    try:
        yard.target = small
        yard.edit({"README.md": "monorepo\n"})
        yard.drop({**FILES, "large.txt": "x" * 600_000})

        with pytest.raises(Exception, match=r"(?i)space|full"):
            yard.run()

        assert yard.tree() == {"README.md": b"monorepo\n"}
        assert yard.row().status is StagingStatus.FAILED
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_manifest_that_is_edited_during_the_run_counts_for_the_next(yard: Yard) -> None:
    unit = yard.drop(FILES)

    def edit(entry: dict[str, str]) -> None:
        if entry["step"] == "plan" and entry["status"] == "running":
            (unit / "migration-manifest.yaml").write_text("unit: app\ndestination: apps/elsewhere\n")

    yard.run(on_step=edit)
    assert yard.tree() == MIGRATED
    yard.run()
    assert set(yard.tree()) == {*MIGRATED, *(path.replace("apps/app", "apps/elsewhere") for path in MIGRATED)}


@pytest.mark.parametrize("step", STEPS)
def test_a_unit_that_is_deleted_during_the_run_is_migrated_as_it_was_read(yard: Yard, step: str) -> None:
    unit = yard.drop(FILES)

    def delete(entry: dict[str, str]) -> None:
        if entry["step"] == step and unit.exists():
            shutil.rmtree(unit)

    yard.run(on_step=delete)

    assert yard.tree() == MIGRATED


def test_a_unit_that_is_gone_is_told(yard: Yard) -> None:
    shutil.rmtree(yard.drop(FILES))

    with pytest.raises(ManifestError, match="is not a folder"):
        yard.run()


def test_names_of_every_kind_arrive_as_they_are(yard: Yard) -> None:
    names = ["a b.txt", "ümläut-日本.txt", "wide　space.txt", "'quote\".txt", "-dash.txt", "$(x).txt", "A.txt", "a.txt"]
    yard.drop({name: name for name in names})

    outcome = yard.run()

    assert yard.tree() == {f"apps/app/{name}": name.encode() for name in names}
    twins = "apps/app/A.txt and apps/app/a.txt differ in case only; macOS and Windows check out one of them"
    assert outcome.plan.notes == (twins,)


def test_names_that_no_diff_can_carry_are_left_out_and_told(yard: Yard) -> None:
    yard.drop({**FILES, "new\nline.txt": "", "tab\there.txt": ""})

    outcome = yard.run()

    assert yard.tree() == MIGRATED
    assert {left.path for left in outcome.plan.left_out} == {"new\nline.txt", "tab\there.txt"}


def test_version_control_installed_packages_and_links_stay_behind(yard: Yard) -> None:
    unit = yard.drop(
        {
            **FILES,
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/hooks/post-commit": "#!/bin/sh\n",
            "node_modules/x/index.js": "",
            "sub/.git": "gitdir: ../.git/modules/sub\n",
            "sub/s.txt": "s",
        }
    )
    (unit / "loop").symlink_to(".")
    (unit / "src" / "up").symlink_to("..")
    (unit / "out").symlink_to("/etc")

    outcome = yard.run()

    assert yard.tree() == {**MIGRATED, "apps/app/sub/s.txt": b"s"}
    assert {left.path for left in outcome.plan.left_out} == {"loop", "src/up", "out"}


def test_a_file_where_a_folder_is_needed_is_a_conflict_that_names_it(yard: Yard) -> None:
    yard.edit({"apps/app": "a file\n"})
    yard.drop(FILES)

    with pytest.raises(Exception, match="apps/app is a file, not a folder"):
        yard.run()

    assert yard.tree() == {"apps/app": b"a file\n"}


def test_two_files_that_want_one_place_are_refused_by_name(yard: Yard) -> None:
    yard.drop({"a/x.txt": "1", "b/x.txt": "2"}, manifest=MANIFEST + "files: [{from: '*/x.txt', rename: [], to: ''}]\n")
    assert "apps/app/a/x.txt" in {change.path for change in yard.run().plan.changes}
    yard.drop({}, manifest=MANIFEST + "files: [{from: 'a/*', to: ''}, {from: 'b/*', to: ''}]\n")

    with pytest.raises(UnitError, match="would both become"):
        yard.run()


_LARGE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from repo_agent_dagster.migration import Bases, Environment, Migration
from repo_agent_dagster.store.engine import open_store
from repo_agent_dagster.store.patch_events import StoreCustody

url, unit, target, bases = sys.argv[1:]
engine = open_store(url)
environment = Environment(
    engine=engine, custody=StoreCustody(engine), bases=Bases(Path(bases)), now=lambda: datetime.now(UTC)
)
Migration.open(Path(unit), Path(target), environment).run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_file_of_200_megabytes_migrates(yard: Yard, tmp_path: Path) -> None:
    unit = yard.drop(FILES)
    with (unit / "model.bin").open("wb") as file:
        file.truncate(200_000_000)
    arguments = [str(yard.environment.engine.url), str(unit), str(yard.target), str(tmp_path / "bases")]

    done = subprocess.run([sys.executable, "-c", _LARGE, *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (yard.target / "apps/app/model.bin").stat().st_size == 200_000_000
    assert int(done.stdout.splitlines()[-1]) < 1_500_000, "KiB of memory"
