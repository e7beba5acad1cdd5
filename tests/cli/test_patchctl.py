"""`patchctl` as a process: what it prints, its exit codes, and how little it loads."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete

from repo_agent_dagster.patching import Workspace
from repo_agent_dagster.store.engine import open_store, write_transaction
from repo_agent_dagster.store.tables import patch_custody
from tests.cli.conftest import Run


def batch(*operations: dict[str, object], **fields: object) -> str:
    return json.dumps({**fields, "patches": operations})


RETURN_2 = {"op": "replace-block", "file": "f.py", "start": 2, "end": 2, "block": "    return 2"}


def test_help_loads_nothing_heavy() -> None:
    heavy = ("dagster", "pandas", "openai", "docker", "alembic", "sqlalchemy", "pydantic")
    script = (
        "import sys\n"
        "from repo_agent_dagster.cli.patchctl import app\n"
        "try:\n    app(['--help'])\n"
        f"finally:\n    print('loaded', [name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Exit codes: 0 applied" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_applying_loads_neither_dagster_nor_alembic(patchctl: Run, root: Path, store_url: str) -> None:
    assert patchctl("append", "--file", "f.py", "--block", "# once, to make the store").returncode == 0
    script = (
        "import sys\n"
        "from repo_agent_dagster.cli.patchctl import app\n"
        f"given = ['-w', {str(root)!r}, '--file', 'f.py', '--block', '#', '--database-url', {store_url!r}]\n"
        "heavy = ('dagster', 'pandas', 'openai', 'docker', 'alembic')\n"
        "try:\n    app(['append', *given])\n"
        "finally:\n    print('loaded', [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_a_batch_from_a_file_is_applied_and_told_as_json(patchctl: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "batch.json").write_text(batch(RETURN_2, orderId="41"))
    done = patchctl("apply", "--batch", "batch.json", "--order", "42", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["dryRun"], [patch["file"] for patch in told["patches"]]) == (False, ["f.py"])
    assert told["diff"].endswith("-    return 1\n+    return 2\n")
    assert (root / "f.py").read_text() == "def f():\n    return 2\n"
    (logged,) = json.loads(patchctl("log", "--json").stdout)
    assert (logged["order_id"], logged["last_event"]) == ("42", "patch_applied")
    assert logged["diff_path"] == told["patches"][0]["diffPath"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["replace-block", "--start", "2", "--end", "2", "--block", "return 2", "--open-space"],
            "def f():\n    return 2\n",
        ),
        (["insert-before", "--line", "1", "--block", "# f"], "# f\ndef f():\n    return 1\n"),
        (["insert-after", "--line", "1", "--block", "x = 1", "--open-space"], "def f():\n    x = 1\n    return 1\n"),
        (["append", "--block", "# end"], "def f():\n    return 1\n# end\n"),
        (["prepend", "--block-file", "block.txt"], "# from\n# a file\ndef f():\n    return 1\n"),
        (["prepend", "--block-file", "-"], "# from stdin\ndef f():\n    return 1\n"),
    ],
)
def test_each_operation_has_a_command(
    patchctl: Run, root: Path, tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "block.txt").write_bytes(b"\xef\xbb\xbf# from\r\n# a file\r\n")
    command, *rest = arguments
    done = patchctl(command, "--file", "f.py", "--task-id", "t", *rest, stdin="# from stdin\n")
    assert done.returncode == 0, done.stderr
    assert "applied batch" in done.stdout
    assert (root / "f.py").read_text() == expected


def test_a_plan_shows_the_diff_and_leaves_no_trace(patchctl: Run, root: Path, tmp_path: Path) -> None:
    done = patchctl("plan", "--batch", "-", "--database-url", "sqlite:///none.db", stdin=batch(RETURN_2))
    assert done.returncode == 0
    assert "-    return 1\n+    return 2\n" in done.stdout
    assert [path.name for path in root.iterdir()] == ["f.py"]
    assert not (tmp_path / "none.db").exists()


def test_a_block_file_of_a_batch_is_relative_to_the_caller(patchctl: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("# from a file\n")
    operation = {"op": "append", "file": "f.py", "blockFile": "block.txt"}
    assert patchctl("apply", "--batch", "-", stdin=batch(operation, RETURN_2)).returncode == 0
    assert (root / "f.py").read_text() == "def f():\n    return 2\n# from a file\n"


def test_a_patch_is_shown_and_reverted(patchctl: Run, root: Path) -> None:
    patch_id = json.loads(patchctl("apply", "--batch", "-", "--json", stdin=batch(RETURN_2)).stdout)["patches"][0][
        "patchId"
    ]
    shown = patchctl("show", patch_id)
    assert "replace-block f.py" in shown.stdout
    assert "+    return 2\n" in shown.stdout
    assert json.loads(patchctl("show", patch_id, "--json").stdout)["events"][1]["event"] == "patch_applied"
    assert patchctl("revert", patch_id).returncode == 0
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"
    table = patchctl("log", "--all").stdout
    assert patch_id in table
    assert "reverted" in table


def test_a_batch_is_reverted_by_its_id(patchctl: Run, root: Path) -> None:
    told = json.loads(patchctl("apply", "--batch", "-", "--json", stdin=batch(RETURN_2)).stdout)
    undone = json.loads(patchctl("revert", "--batch", told["batchId"], "--json").stdout)
    assert undone["diff"].endswith("-    return 2\n+    return 1\n")
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"


def test_the_custody_chain_is_proved(patchctl: Run, root: Path, store_url: str) -> None:
    patchctl("append", "--file", "f.py", "--block", "#")
    assert "2 events, the chain is whole" in patchctl("verify").stdout
    with write_transaction(open_store(store_url)) as conn:
        conn.execute(delete(patch_custody).where(patch_custody.c.seq == 1))
    done = patchctl("verify", "--all", "--json")
    assert done.returncode == 3
    (told,) = json.loads(done.stdout)
    assert (told["workspace"], told["ok"], told["seq"]) == (Workspace(root).name, False, 1)


def test_the_schema_is_that_of_a_batch(patchctl: Run) -> None:
    schema = json.loads(patchctl("schema").stdout)
    assert {"orderId", "allowedPaths", "patches"} <= schema["properties"].keys()


def test_a_workspace_at_rest_has_nothing_to_recover(patchctl: Run) -> None:
    assert patchctl("recover").stdout == "nothing to recover\n"
    assert json.loads(patchctl("recover", "--json").stdout) == {"recovered": None}


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "told"),
    [
        (["apply", "--batch", "-"], "{", 2, "is not JSON"),
        (["apply", "--batch", "-"], "[]", 2, "not valid"),
        (["apply", "--batch", "-"], '{"patches": [{"op": "append", "file": "f.py", "block": NaN}]}', 2, "is not JSON"),
        (["apply", "--batch", "-"], batch(), 2, "at least 1 item"),
        (["apply", "--batch", "-"], batch({"op": "rewrite"}), 2, "does not match any of the expected tags"),
        (["apply", "--batch", "-"], batch(*[{"op": "append"}] * 30), 2, "and 20 more"),
        (["apply", "--batch", "-"], batch({"op": "append", "file": "../f", "block": "x"}), 2, "climbs out"),
        (["apply", "--batch", "missing.json"], "", 2, "No such file"),
        (["append", "--file", "f.py", "--block-file", "missing.txt"], "", 2, "No such file"),
        (["append", "--file", "f.py", "--block-file", "latin1.txt"], "", 2, "not UTF-8"),
        (["append", "--file", "f.py"], "", 2, "exactly one of block and blockFile"),
        (["append", "--file", "f.py", "--block", "x", "--requester", ""], "", 2, "requester"),
        (["revert"], "", 2, "either patch ids or --batch"),
        (["revert", "no-such-patch"], "", 2, "not on record"),
        (["show", "no-such-patch"], "", 2, "not on record"),
        (["append", "--file", "f.py", "--block", "x", "--database-url", "mysql://x"], "", 2, "sqlite and postgresql"),
        (["append", "--file", "missing", "--block", "x"], "", 3, "does not exist"),
        (["append", "--file", "f.py", "--block", "x = (", "--check", "python", "--trusted"], "", 4, "f.py:3: syntax"),
        (
            ["append", "--file", "f.py", "--block", "x", "--database-url", "postgresql://x@127.0.0.1:1/x"],
            "",
            6,
            "reached",
        ),
    ],
)
def test_what_went_wrong_is_one_message_and_an_exit_code(
    patchctl: Run, root: Path, tmp_path: Path, arguments: list[str], stdin: str, code: int, told: str
) -> None:
    (tmp_path / "latin1.txt").write_bytes(b"\xe9\n")
    done = patchctl(*arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error ")
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert (root / "f.py").read_text() == "def f():\n    return 1\n"


def test_machines_get_errors_as_json_too(patchctl: Run) -> None:
    done = patchctl("append", "--file", "missing", "--block", "x", "--json")
    assert (done.returncode, done.stderr) == (3, "")
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "PatchConflict"
    assert "does not exist" in error["message"]


def test_a_store_is_made_where_there_is_none(patchctl: Run, tmp_path: Path) -> None:
    assert patchctl("append", "--file", "f.py", "--block", "#", "--database-url", "sqlite:///new.db").returncode == 0
    assert (tmp_path / "new.db").exists()


def test_a_locked_workspace_is_exit_code_5(patchctl: Run, root: Path) -> None:
    patchctl("append", "--file", "f.py", "--block", "#")
    with (root / ".mission_control" / "lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = patchctl("append", "--file", "f.py", "--block", "#", "--lock-timeout", "0.1")
    assert done.returncode == 5
    assert "is held by another batch" in done.stderr
