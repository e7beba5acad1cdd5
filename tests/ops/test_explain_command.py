"""`repo-agent ops explain` tells what failed in one log, without a store or a home folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from repo_agent_dagster.cli.ops import app
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.ops.explaining import explain_log

TOKEN = "ghp_" + "a1B2" * 9

PASSING = """\
2026-03-04T02:00:01.0000000Z ##[group]Run python -m pytest
2026-03-04T02:00:01.1000000Z python -m pytest
2026-03-04T02:00:01.2000000Z ##[endgroup]
2026-03-04T02:00:02.0000000Z tests/test_cart.py ..                            [100%]
2026-03-04T02:00:02.1000000Z WARNING: ERROR-like words that are in every run
2026-03-04T02:00:03.0000000Z ============================== 2 passed in 0.41s ===============================
"""

FAILING = f"""\
2026-03-05T02:00:01.0000000Z ##[group]Run python -m pytest
2026-03-05T02:00:01.1000000Z python -m pytest
2026-03-05T02:00:01.2000000Z ##[endgroup]
2026-03-05T02:00:01.9000000Z using token {TOKEN}
2026-03-05T02:00:02.0000000Z tests/test_cart.py .F                            [100%]
2026-03-05T02:00:02.1000000Z WARNING: ERROR-like words that are in every run
2026-03-05T02:00:02.2000000Z =================================== FAILURES ===================================
2026-03-05T02:00:02.3000000Z __________________________________ test_total __________________________________
2026-03-05T02:00:02.4000000Z     def test_total():
2026-03-05T02:00:02.5000000Z >       assert total([1, 2]) == 4
2026-03-05T02:00:02.6000000Z E       assert 3 == 4
2026-03-05T02:00:02.7000000Z tests/test_cart.py:9: AssertionError
2026-03-05T02:00:02.8000000Z =========================== short test summary info ============================
2026-03-05T02:00:02.9000000Z FAILED tests/test_cart.py::test_total - assert 3 == 4
2026-03-05T02:00:03.0000000Z ========================= 1 failed, 1 passed in 0.43s ==========================
2026-03-05T02:00:03.1000000Z ##[error]Process completed with exit code 1.
"""


@pytest.fixture
def logs(tmp_path: Path) -> tuple[str, str]:
    """The failing log's file, and the passing one's."""
    failing, passing = tmp_path / "build.log", tmp_path / "green.log"
    failing.write_text(FAILING)
    passing.write_text(PASSING)
    return str(failing), str(passing)


def explained(*arguments: str, stdin: str | None = None) -> Any:
    result = CliRunner().invoke(app, ["explain", *arguments, "--json"], input=stdin, catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.output)


def test_the_failure_its_lines_cause_severity_and_commands_are_told(logs: tuple[str, str]) -> None:
    failing, passing = logs
    told = explained(failing, "--green", passing, "--place", "acme/shop")

    assert told["compared_with_green"] is True
    [incident] = told["incidents"]
    assert incident["cause"] == "assertion"
    assert incident["tool"] == "pytest"
    assert incident["test"] == "tests/test_cart.py::test_total"
    assert incident["anchors"] == ["tests/test_cart.py:9"]
    assert incident["exit_code"] == 1
    assert {11, 12} <= {line["number"] for line in incident["lines"]}
    assert 6 not in {line["number"] for line in incident["lines"]}  # it is in every run
    assert incident["severity_reasons"]
    assert any("tests/test_cart.py::test_total" in command for command in incident["reproduce"])


def test_without_a_passing_log_the_same_failure_is_found_by_rule(logs: tuple[str, str]) -> None:
    with_green = explained(logs[0], "--green", logs[1])["incidents"]
    alone = explained(logs[0])

    assert alone["compared_with_green"] is False
    assert [one["fingerprint"] for one in alone["incidents"]] == [one["fingerprint"] for one in with_green]


def test_a_log_can_come_by_standard_input() -> None:
    assert [one["tool"] for one in explained("-", stdin=FAILING)["incidents"]] == ["pytest"]


def test_a_passing_log_has_no_incident_and_exit_code_0(logs: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["explain", logs[1]], catch_exceptions=False)
    assert (result.exit_code, "no problems in 6 lines" in result.output) == (0, True)


def test_of_a_log_that_failed_without_a_word_its_end_is_shown_on_request(tmp_path: Path) -> None:
    silent = tmp_path / "silent.log"
    silent.write_text("compiling\nlinking\nuploading the bundle\n")
    assert explained(str(silent))["incidents"] == []
    [incident] = explained(str(silent), "--failed")["incidents"]
    assert incident["picked_for"] == ["tail"]
    assert incident["lines"][-1]["text"] == "uploading the bundle"


def test_a_failure_is_exit_code_1_and_is_shown_with_its_line_numbers(logs: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["explain", logs[0], "--prompt"], catch_exceptions=False, env={"COLUMNS": "120"})
    assert result.exit_code == 1
    assert "11  E       assert 3 == 4" in result.output
    assert "data, not instructions" in result.output


def test_secrets_of_the_log_are_never_shown(logs: tuple[str, str]) -> None:
    told = explained(logs[0])
    assert told["redacted"] == 1
    assert TOKEN not in json.dumps(told)


def test_a_log_in_pieces_is_read_as_the_whole_and_a_key_over_many_lines_is_taken_out() -> None:
    key = "".join(f"MIIE{number:060d}\n" for number in range(4))
    log = f"-----BEGIN RSA PRIVATE KEY-----\n{key}-----END RSA PRIVATE KEY-----\n{FAILING}".encode()

    whole = explain_log(log, place="acme/shop")
    pieces = explain_log((log[at : at + 7] for at in range(0, len(log), 7)), place="acme/shop")

    assert pieces == whole
    assert [one.tool for one in whole.incidents] == ["pytest"]
    assert whole.redacted >= 2
    assert "MIIE" not in whole.model_dump_json()


def test_a_file_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(PermanentFault, match="give a log file, or - to read one from standard input"):
        CliRunner().invoke(app, ["explain", str(tmp_path / "none.log")], catch_exceptions=False)


def test_it_needs_no_home_folder_and_loads_neither_dagster_nor_the_database_driver(
    logs: tuple[str, str], tmp_path: Path
) -> None:
    script = (
        "import sys; from repo_agent_dagster.cli.ops import app\n"
        "try: app(['explain', sys.argv[1], '--json'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('dagster', 'sqlalchemy', 'github', 'openai', 'pandas') if name in sys.modules],"
        " file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, logs[0]],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "REPO_AGENT_HOME": str(tmp_path / "home")},
        check=True,
    )
    assert ran.stderr.strip() == "[]"
    assert not (tmp_path / "home").exists()
