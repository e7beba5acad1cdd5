"""Commands in a real sandbox: what comes out, in which order, and how they end."""

import time
from typing import Any

import pytest

from repo_agent_dagster.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.docker


def test_a_command_gives_its_exit_code_and_both_streams(box: Sandbox, sink: Any) -> None:
    result = box.exec("echo out; echo err >&2; exit 3")

    assert (result.exit_code, result.ok, result.timed_out) == (3, False, False)
    assert result.stdout == "out\n"
    assert sorted(result.output.split()) == ["err", "out"]
    assert sink.commands == [("bash", "-c", "echo out; echo err >&2; exit 3")]
    assert sorted((line.stream, line.text) for line in sink.lines) == [("stderr", "err"), ("stdout", "out")]
    assert sink.endings == [(3, False)]


def test_an_argument_list_is_not_interpreted_by_a_shell(box: Sandbox) -> None:
    assert box.exec(["echo", "$HOME; *"]).stdout == "$HOME; *\n"


def test_a_command_runs_in_the_folder_it_is_given(box: Sandbox) -> None:
    assert box.exec("pwd").stdout == "/workspace\n"
    assert box.exec("pwd", cwd="/usr").stdout == "/usr\n"


def test_a_program_or_folder_that_is_missing_is_a_failed_command_that_says_so(box: Sandbox) -> None:
    program = box.exec(["no-such-program"])
    folder = box.exec("true", cwd="/no/such/folder")

    assert program.exit_code in (126, 127)
    assert "no-such-program" in program.output
    assert folder.exit_code in (126, 127)
    assert "/no/such/folder" in folder.output


def test_streams_keep_their_order_of_arrival(box: Sandbox, sink: Any) -> None:
    box.exec("for i in 1 2 3 4 5; do echo out$i; sleep 0.03; echo err$i >&2; sleep 0.03; done")

    assert [line.text for line in sink.lines] == [f"{stream}{i}" for i in range(1, 6) for stream in ("out", "err")]
    assert [line.seq for line in sink.lines] == list(range(1, 11))
    assert [line.at for line in sink.lines] == sorted(line.at for line in sink.lines)


def test_output_is_streamed_while_the_command_runs(box: Sandbox, sink: Any) -> None:
    box.exec("echo first; sleep 1; echo second")

    first, second = sink.lines
    assert 0.5 < (second.at - first.at).total_seconds() < 5
    assert len(sink.batches) == 2


def test_twenty_thousand_lines_arrive_without_a_loss(box: Sandbox, sink: Any) -> None:
    result = box.exec("seq 20000 & seq 20000 >&2 & wait")

    for stream in ("stdout", "stderr"):
        assert [line.text for line in sink.lines if line.stream == stream] == [str(i) for i in range(1, 20001)]
    assert result.ok


def test_quick_commands_lose_nothing_either(box: Sandbox) -> None:
    assert [box.exec(["echo", str(i)]).stdout for i in range(30)] == [f"{i}\n" for i in range(30)]


def test_long_output_is_cut_at_its_beginning_and_says_so(box: Sandbox) -> None:
    result = box.exec("seq 100000")

    assert result.truncated
    assert len(result.output) == 262_144
    assert result.output.endswith("99999\n100000\n")


def test_characters_split_between_writes_stay_whole(box: Sandbox, sink: Any) -> None:
    result = box.exec(r"printf 'gr\xc3'; sleep 0.3; printf '\xbc\xc3'; sleep 0.3; printf '\x9fe \xff\n'")

    assert result.stdout == "grüße \N{REPLACEMENT CHARACTER}\n"
    assert [line.text for line in sink.lines] == ["grüße \N{REPLACEMENT CHARACTER}"]


def test_an_endless_line_is_split_and_not_kept_in_memory(box: Sandbox, sink: Any) -> None:
    box.exec("head -c 200000 /dev/zero | tr '\\0' x")

    assert [len(line.text) for line in sink.lines] == [65536, 65536, 65536, 200000 - 3 * 65536]


def test_a_time_out_keeps_the_partial_output_and_leaves_the_sandbox_usable(box: Sandbox, sink: Any) -> None:
    started = time.monotonic()
    result = box.exec("printf 'one\ntwo without its end'; sleep 100", timeout_seconds=1)

    assert (result.timed_out, result.exit_code, result.ok) == (True, None, False)
    assert result.output == "one\ntwo without its end"
    assert [line.text for line in sink.lines] == ["one", "two without its end"]
    assert sink.endings == [(None, True)]
    assert time.monotonic() - started < 10
    assert box.exec("echo usable").stdout == "usable\n"


@pytest.mark.parametrize(
    "escape",
    [
        "setsid sleep 1000 & sleep 1000",
        "nohup setsid bash -c 'trap \"\" TERM INT HUP; sleep 1000' > /dev/null 2>&1 & sleep 1000",
        "(setsid bash -c '(sleep 1000 &) ; sleep 1000' &) ; sleep 1000",
        "trap '' TERM INT HUP QUIT; while true; do sleep 1; done",
        "kill -STOP $$",
    ],
    ids=["setsid", "nohup", "double-fork", "ignored-signals", "stopped"],
)
def test_a_time_out_kills_every_process_however_it_hides(box: Sandbox, escape: str) -> None:
    result = box.exec(escape, timeout_seconds=1)

    assert result.timed_out
    # What is left: process 1, and the shell, ps and tail of this very question.
    assert box.exec(["ps", "-eo", "comm="]).stdout.split() == ["python3", "ps"]


def test_a_service_in_the_background_goes_on_after_its_command(box: Sandbox) -> None:
    started = time.monotonic()
    result = box.exec("sleep 1000 & echo started")

    assert result.ok
    assert result.stdout == "started\n"
    assert time.monotonic() - started < 10
    assert "sleep" in box.exec(["ps", "-eo", "comm="]).stdout


def test_a_command_without_a_sink_works(box: Sandbox) -> None:
    assert Sandbox.attach(box.id).exec("echo quiet").stdout == "quiet\n"


def test_a_failing_sink_does_not_hide_in_the_sandbox(box: Sandbox, sink: Any) -> None:
    def broken(command_id: str, lines: list[Any]) -> None:
        raise OSError("the store is gone")

    sink.write = broken

    with pytest.raises(OSError, match="the store is gone"):
        box.exec("echo x")


def test_the_image_checks_types_of_node_modules_without_network(box: Sandbox) -> None:
    source = b'import { DatabaseSync } from "node:sqlite";\nimport { existsSync } from "node:fs";\n'
    good = source + b'const db = new DatabaseSync(":memory:");\nconsole.log(existsSync("/"), db);\n'
    box.put({"good.ts": good, "bad.ts": source + b"existsSync(1);\nnew DatabaseSync(2);\n"}, "/workspace")
    check = 'tsc --noEmit --strict --module nodenext --target es2022 --typeRoots "$TYPE_ROOTS" '

    passed, failed = box.exec(check + "good.ts"), box.exec(check + "bad.ts")

    assert (passed.exit_code, passed.output) == (0, "")
    assert failed.stdout.count("error TS2345") == 2


def test_the_image_runs_a_plain_pytest_suite_without_network(box: Sandbox) -> None:
    box.put({"test_it.py": b"def test_it():\n    assert 1 + 1 == 2\n"}, "/workspace")

    for command in ("pytest -q", "python -m pytest -q", "python3 -m pytest -q"):
        assert "1 passed" in box.exec(command).output


@pytest.mark.parametrize("program", ["git", "rg", "node", "npm", "npx", "corepack", "tsc", "pip"])
def test_the_image_has_the_tools(box: Sandbox, program: str) -> None:
    result = box.exec([program, "--version"])

    assert result.ok, result.output
    if program == "node":
        assert result.stdout.startswith("v24.")
