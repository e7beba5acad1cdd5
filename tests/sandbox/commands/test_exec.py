"""Commands in a real sandbox: what comes out, in which order, and how they end."""

import hashlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from repo_agent_dagster.sandbox.commands.connection import ExecConnection
from repo_agent_dagster.sandbox.docker_engine import engine
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec, SandboxSpecError

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def room(sandbox_image: str) -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec("test-exec", network="none", deadline_seconds=120)) as made:
        yield made


def test_a_command_gives_its_exit_code_and_both_streams(box: Sandbox, sink: Any) -> None:
    result = box.exec("echo out; echo err >&2; exit 3")

    assert (result.exit_code, result.ok, result.timed_out) == (3, False, False)
    assert result.stdout == "out\n"
    assert sorted(result.output.split()) == ["err", "out"]
    assert sink.commands == [("bash", "-c", "echo out; echo err >&2; exit 3")]
    assert sorted((line.stream, line.text) for line in sink.lines) == [("stderr", "err"), ("stdout", "out")]
    assert sink.endings == [(3, False)]


def test_an_argument_list_is_not_interpreted_by_a_shell(room: Sandbox) -> None:
    assert room.exec(["echo", "$HOME; *"]).stdout == "$HOME; *\n"


def test_a_command_runs_in_the_folder_it_is_given(room: Sandbox) -> None:
    assert room.exec("pwd").stdout == "/workspace\n"
    assert room.exec("pwd", cwd="/usr").stdout == "/usr\n"


def test_a_program_or_folder_that_is_missing_is_a_failed_command_that_says_so(room: Sandbox) -> None:
    program = room.exec(["no-such-program"])
    folder = room.exec("true", cwd="/no/such/folder")

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


def test_quick_commands_lose_nothing_either(room: Sandbox) -> None:
    assert [room.exec(["echo", str(i)]).stdout for i in range(30)] == [f"{i}\n" for i in range(30)]


def test_long_output_is_cut_at_its_beginning_and_says_so(room: Sandbox) -> None:
    result = room.exec("seq 100000")

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


def test_input_goes_in_while_output_comes_out(room: Sandbox) -> None:
    # Far more than the pipes hold, both ways at once: whoever only wrote or only read would wait for ever.
    text = b"".join(b"%d\n" % number for number in range(400_000))

    echoed = room.exec("tee /dev/stderr | sha256sum", stdin=text, timeout_seconds=60)

    assert f"{hashlib.sha256(text).hexdigest()}  -" in echoed.stdout


def test_a_command_need_not_read_its_input(room: Sandbox) -> None:
    result = room.exec("head -c 5; exec <&-; head -c 200000 /dev/zero >&2; echo end", stdin=b"first" * 400_000)

    assert (result.ok, result.stdout) == (True, "firstend\n")


def test_without_input_a_command_reads_nothing(room: Sandbox) -> None:
    assert room.exec("wc -c", timeout_seconds=10).stdout == "0\n"
    assert room.exec("wc -c", stdin=b"", timeout_seconds=10).stdout == "0\n"


def test_full_pipes_at_the_very_start_hang_nobody(room: Sandbox) -> None:
    result = room.exec("head -c 300000 /dev/zero | tee /dev/stderr", timeout_seconds=20)

    assert (result.ok, result.timed_out) == (True, False)


def test_a_command_that_closes_its_output_is_still_waited_for(room: Sandbox) -> None:
    result = room.exec("exec >&- 2>&-; sleep 1; exit 7", timeout_seconds=20)

    assert result.exit_code == 7
    assert result.duration_seconds > 1


def test_a_time_out_also_ends_a_command_that_closed_its_output(room: Sandbox) -> None:
    assert room.exec("exec >&- 2>&-; sleep 1000", timeout_seconds=0.5).timed_out


def test_a_quiet_command_is_no_dead_one(room: Sandbox) -> None:
    # Shorter than any client's read time-out would allow to prove it by waiting: the socket itself has none.
    exec_id = room._live.exec_create(["sleep", "0.1"], "/", {})
    connection = ExecConnection(engine(), exec_id)
    try:
        assert connection._socket.gettimeout() == 0  # never blocks, so that no time-out of the socket can end it
        assert connection.read(0) == []
        assert connection.read(10) is None
    finally:
        connection.close()


def test_the_environment_arrives_as_it_is(room: Sandbox) -> None:
    odd = {"LINES": "one\ntwo", "SIGN": "a=b=ü 🙂", "EMPTY": "", "QUOTES": "\"'`$HOME"}

    assert (
        room.exec('printf "%s|" "$LINES" "$SIGN" "$EMPTY" "$QUOTES"', env=odd).stdout == "one\ntwo|a=b=ü 🙂||\"'`$HOME|"
    )


@pytest.mark.parametrize(
    ("command", "env", "problem"),
    [
        (["echo", "a\0b"], {}, "NUL or is no Unicode"),
        (["echo", "\udcff"], {}, "NUL or is no Unicode"),
        (["echo"], {"NAME": "a\0b"}, "NUL or is no Unicode"),
        (["echo"], {"A=B": "c"}, "'=' in it"),
        (["echo"], {"": "c"}, "is none"),
        (["echo", "x" * 131_072], {}, "put it into a file"),
        ([], {}, "without a program"),
        ([""], {}, "without a program"),
    ],
    ids=["nul", "bytes", "nul-in-env", "sign-in-name", "no-name", "too-long", "nothing", "empty"],
)
def test_what_would_arrive_as_something_else_is_refused(
    room: Sandbox, command: list[str], env: dict[str, str], problem: str
) -> None:
    with pytest.raises(SandboxSpecError, match=problem):
        room.exec(command, env=env)


@pytest.mark.parametrize("user", ["root", "0", "1000:0", "nobody"])
def test_no_command_runs_as_root_or_under_a_name(room: Sandbox, user: str) -> None:
    with pytest.raises(SandboxSpecError):
        room.exec("id", user=user)


def test_another_user_may_not_touch_the_workspace(room: Sandbox) -> None:
    result = room.exec("id -u; id -g; touch /workspace/x", user="1234:77")

    assert result.stdout == "1234\n77\n"
    assert "Permission denied" in result.output


def test_commands_leave_no_socket_open(room: Sandbox) -> None:
    room.exec("true")
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(20):
        room.exec("true", stdin=b"x")

    # The client keeps some connections for later, at most ten, whatever runs (it has 13 after a thousand commands).
    assert len(os.listdir("/proc/self/fd")) <= before + 10


def test_a_result_tells_when_it_began_and_what_it_took(room: Sandbox) -> None:
    before = datetime.now(UTC)
    result = room.exec(["python3", "-c", "x = bytearray(80 << 20); sum(range(3_000_000))"])

    assert result.started_at is not None
    assert result.usage is not None
    assert before <= result.started_at <= datetime.now(UTC)
    assert 80 << 20 < (result.usage.peak_memory_bytes or 0) < 200 << 20
    assert 0.01 < result.usage.cpu_seconds < 10
    assert not result.usage.oom_killed


def test_the_peak_is_of_one_command_and_not_of_those_before_it(room: Sandbox) -> None:
    room.exec(["python3", "-c", "bytearray(150 << 20)"])

    small = room.exec("true").usage

    assert small is not None
    assert (small.peak_memory_bytes or 0) < 100 << 20


def test_a_service_in_the_background_goes_on_after_its_command(room: Sandbox) -> None:
    started = time.monotonic()
    result = room.exec("sleep 1000 & echo started")

    assert result.ok
    assert result.stdout == "started\n"
    assert time.monotonic() - started < 10
    assert "sleep" in room.exec(["ps", "-eo", "comm="]).stdout


def test_a_command_without_a_sink_works(room: Sandbox) -> None:
    assert Sandbox.attach(room.id).exec("echo quiet").stdout == "quiet\n"


def test_the_image_checks_types_of_node_modules_without_network(room: Sandbox) -> None:
    source = b'import { DatabaseSync } from "node:sqlite";\nimport { existsSync } from "node:fs";\n'
    good = source + b'const db = new DatabaseSync(":memory:");\nconsole.log(existsSync("/"), db);\n'
    room.put({"good.ts": good, "bad.ts": source + b"existsSync(1);\nnew DatabaseSync(2);\n"}, "/workspace")
    check = 'tsc --noEmit --strict --module nodenext --target es2022 --skipLibCheck --typeRoots "$TYPE_ROOTS" '

    passed, failed = room.exec(check + "good.ts"), room.exec(check + "bad.ts")

    assert (passed.exit_code, passed.output) == (0, "")
    assert failed.stdout.count("error TS2345") == 2


def test_the_image_runs_a_plain_pytest_suite_without_network(room: Sandbox) -> None:
    room.put({"test_it.py": b"def test_it():\n    assert 1 + 1 == 2\n"}, "/workspace")

    for command in ("pytest -q", "python -m pytest -q", "python3 -m pytest -q"):
        assert "1 passed" in room.exec(command).output


@pytest.mark.parametrize("program", ["git", "rg", "node", "npm", "npx", "corepack", "tsc", "pip"])
def test_the_image_has_the_tools(room: Sandbox, program: str) -> None:
    result = room.exec([program, "--version"])

    assert result.ok, result.output
    if program == "node":
        assert result.stdout.startswith("v24.")
