"""The pathway end to end: real repositories, real git, real sandboxes."""

import difflib
import os
import re
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.cli.example_repo import RepositoryFixture, make_repository
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.validation import ChangedCoverage
from repo_agent_dagster.contracts.validation import ValidationVerdict as Verdict
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.store import ai_logs, test_results
from repo_agent_dagster.store.engine import read_transaction
from tests.pathways.conftest import MakeRepository, Validate

pytestmark = pytest.mark.docker

BUGGY = "def double(number):\n    return number + 2\n\n\ndef half(number):\n    return number / 2\n"
TESTS = """from numbers_ import double, half

def test_double():
    assert double(5) == 10

def test_half():
    assert half(8) == 4
"""
PYTHON = {"numbers_.py": BUGGY, "test_numbers.py": TESTS}
ONCE: dict[str, object] = {"reruns": 0}


def diff_of(file: str, text: str, old: str, new: str) -> str:
    """The diff that replaces one passage of a file; of a new one, all of it."""
    assert old in text
    before, after = text.splitlines(keepends=True), text.replace(old, new, 1).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"a/{file}", f"b/{file}"))


def creating(file: str, text: str) -> str:
    """The diff that adds a file."""
    lines = text.splitlines(keepends=True)
    return f"--- /dev/null\n+++ b/{file}\n@@ -0,0 +1,{len(lines)} @@\n" + "".join(f"+{line}" for line in lines)


FIX = diff_of("numbers_.py", BUGGY, "number + 2", "number * 2")
# For repositories where what the patch does is not the point.
NOTE = {"note.txt": "a\n"}
NOTE_CHANGED = diff_of("note.txt", "a\n", "a", "b")


@pytest.fixture
def example(tmp_path: Path, now: datetime) -> RepositoryFixture:
    return make_repository(tmp_path / "buggy_repo", now=now)


def test_the_examples_fix_is_proved_and_everything_is_kept(
    example: RepositoryFixture, validate: Validate, context: TaskContext
) -> None:
    result = validate(example.url, diff=example.fix)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.ok
    assert (result.commit, result.command) == (example.commit, "python3 -m pytest")
    assert result.before is not None
    assert result.after is not None
    assert (result.before.total, result.before.failed) == (9, 1)
    assert (result.after.total, result.after.failed) == (9, 0)
    assert result.tests_only is None
    assert result.changes is not None
    assert result.changes.fail_to_pass == ["tests/test_invoice.py::test_half_a_cent_rounds_up"]
    assert result.changes.pass_to_pass == 8
    assert result.patch is not None
    assert (result.patch.files, result.patch.way) == (["invoicing/money.py"], "git apply")
    assert result.coverage == [ChangedCoverage(path="invoicing/money.py", covered=[3, 10], uncovered=[])]
    assert list(result.durations) == [
        *("clone", "set_up", "test_before", "apply_fix", "test_tests_only", "test_after", "rerun_differing"),
    ]
    assert [one.name for one in result.artifacts] == [
        *("junit-before.xml", "patch.diff", "applied.diff", "junit-after.xml"),
    ]
    with read_transaction(context.engine) as conn:
        counts = test_results.counts(conn, context.task_id)
        agents = [call.agent_name for call in ai_logs.listing(conn, context.task_id)]
    assert counts == {"before": {"passed": 8, "failed": 1}, "after": {"passed": 9}}
    assert {"set_up", "apply_fix", "test_before", "test_after", "rerun", "verdict"} <= set(agents)
    told = result.tests()
    assert list(told) == [
        *("before", "tests_only", "after", "fail_to_pass", "pass_to_pass", "pass_to_fail", "fail_to_fail"),
        *("new", "gone", "flaky"),
    ]


def test_a_batch_that_breaks_another_test_is_found_out(repository: MakeRepository, validate: Validate) -> None:
    patches = [
        {"op": "replace-block", "file": "numbers_.py", "start": 2, "end": 2, "block": "    return number * 2"},
        {"op": "replace-block", "file": "numbers_.py", "start": 6, "end": 6, "block": "    return number // 3"},
    ]

    result = validate(repository(PYTHON), batch={"patches": patches}, **ONCE)

    assert result.verdict is Verdict.REGRESSED, result.reasons
    assert result.changes is not None
    assert result.changes.fail_to_pass == ["test_numbers.py::test_double"]
    assert result.changes.pass_to_fail == ["test_numbers.py::test_half"]
    assert any(re.search(r"test_half says: .*assert 2 == 4", reason) for reason in result.reasons)


def test_the_changes_of_a_pull_request_are_those_since_it_left_the_base(
    repository: MakeRepository, validate: Validate, tmp_path: Path
) -> None:
    url = repository({**PYTHON, **NOTE})
    branched = (
        "git checkout -q -b fix && sed -i 's/number + 2/number * 2/' numbers_.py && git commit -qam fix && "
        "git update-ref refs/pull/7/head HEAD && git checkout -q - && git branch -qD fix && echo b > note.txt && "
        "git commit -qam later"
    )
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["bash", "-c", branched], cwd=tmp_path / "origin", env={**os.environ, **who}, check=True)

    result = validate(url, pull_request=7, **ONCE)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.patch is not None
    assert (result.patch.kind, result.patch.files) == ("pull_request", ["numbers_.py"])


def test_a_diff_that_does_not_apply_is_told_with_gits_words_and_the_hunk(
    repository: MakeRepository, validate: Validate
) -> None:
    result = validate(repository(PYTHON), diff=FIX.replace("number + 2", "number + 42"))

    assert result.verdict is Verdict.DOES_NOT_APPLY
    assert result.patch is not None
    assert (result.patch.problem, result.patch.applied) == ("conflict", False)
    assert "patch failed: numbers_.py:1" in result.patch.message
    assert "-    return number + 42" in result.reasons[0]
    assert result.before is not None
    assert result.after is None


def test_source_and_tests_of_a_patch_are_run_apart(repository: MakeRepository, validate: Validate) -> None:
    """The repository's own tests never saw the bug; of the two that the patch brings, one does."""
    files = {"numbers_.py": BUGGY, "test_numbers.py": TESTS.replace("double(5) == 10", "double(2) == 4")}
    brings = creating(
        "test_more.py",
        "from numbers_ import double\n\ndef test_five():\n    assert double(5) == 10\n\n"
        "def test_nothing():\n    assert True\n",
    )

    result = validate(repository(files), diff=FIX + brings, **ONCE)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.changes is not None
    assert result.tests_only is not None
    assert (result.tests_only.total, result.tests_only.failed) == (4, 1)
    assert result.changes.fail_to_pass == ["test_more.py::test_five"]
    assert result.changes.new == ["test_more.py::test_nothing"]
    assert any("The patch brings test_more.py::test_five, which fails without its source" in r for r in result.reasons)
    assert any("test_nothing, which passes without its source, too: it shows nothing" in r for r in result.reasons)


def test_a_patch_that_silences_the_suite_is_judged_by_the_suite_as_it_was(
    repository: MakeRepository, validate: Validate
) -> None:
    """It repairs nothing: its conftest marks every test as expected to fail, and pytest.ini leaves one out."""
    silencing = creating(
        "conftest.py",
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n"
        "        item.add_marker(pytest.mark.xfail(strict=False))\n",
    )

    result = validate(
        repository(PYTHON),
        diff=diff_of("numbers_.py", BUGGY, "number + 2", "2 + number") + silencing
        + creating("pytest.ini", "[pytest]\naddopts = -k half\n"),
        **ONCE,
    )  # fmt: skip

    assert result.verdict is Verdict.NO_EFFECT, result.reasons
    assert result.patch is not None
    assert sorted(result.patch.restored) == ["conftest.py", "pytest.ini"]
    assert any("Put back as the commit has them" in reason for reason in result.reasons)


FORGED = "<testsuite><testcase classname='test_numbers' name='test_double' file='test_numbers.py'/></testsuite>"
WRITES = f"""import atexit, glob, os
def forge():
    for name in glob.glob('/tmp/*/reports/*.xml'):
        open(name, 'w').write({FORGED!r})
    os._exit(0)
atexit.register(forge)
"""
MEDDLES = """from _pytest.reports import TestReport
made = TestReport.from_item_and_call.__func__
def from_item_and_call(cls, item, call):
    report = made(cls, item, call)
    report.outcome, report.longrepr = 'passed', None
    return report
TestReport.from_item_and_call = classmethod(from_item_and_call)
"""


@pytest.mark.parametrize(
    ("trick", "said"),
    [
        ("import os\nos._exit(0)\n", "report"),
        (WRITES, "report has 1 of the 2"),
        ("import pytest\npytest.exit('that was all', returncode=0)\n", "report has 1 of the 2"),
        (MEDDLES, "meddled with while it ran: changed _pytest.reports.TestReport.from_item_and_call"),
    ],
    ids=["leaves at once", "writes the report itself", "stops the session", "turns failures into passes"],
)
def test_source_that_forges_or_cuts_the_report_is_not_believed(
    trick: str, said: str, repository: MakeRepository, validate: Validate
) -> None:
    entering = diff_of("numbers_.py", BUGGY, "return number + 2", "import more\n    return number + 2")

    result = validate(repository(PYTHON), diff=creating("more.py", trick) + entering, **ONCE)

    assert result.verdict is Verdict.UNTRUSTED, result.reasons
    assert result.reasons[0].startswith("The tests cannot be believed: with the patch, ")
    assert said in result.reasons[0]


def test_a_test_that_fails_only_after_others_is_run_with_them_before_it_is_called_flaky(
    repository: MakeRepository, validate: Validate, context: TaskContext
) -> None:
    source = "import os\n\n\ndef double(number):\n    return number * 2 + ('SEEN' in os.environ)\n"
    tests = (
        "import os\nfrom numbers_ import double\n\ndef test_first():\n    os.environ['SEEN'] = 'yes'\n\n"
        "def test_second():\n    assert double(5) == 10\n"
    )
    fix = diff_of("numbers_.py", source, " + ('SEEN' in os.environ)", "")

    result = validate(repository({"numbers_.py": source, "test_numbers.py": tests}), diff=fix, reruns=1)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.changes is not None
    assert (result.changes.fail_to_pass, result.changes.flaky) == (["test_numbers.py::test_second"], [])
    with read_transaction(context.engine) as conn:
        thoughts = [call.thought for call in ai_logs.listing(conn, context.task_id) if call.agent_name == "rerun"]
    assert thoughts == ["1 test(s) whose outcome differs: 2 runs more, 0 flaky"]


def test_tests_that_hang_are_stopped_and_their_output_kept(repository: MakeRepository, validate: Validate) -> None:
    result = validate(
        repository(NOTE), diff=NOTE_CHANGED, test_command="echo so far so good; sleep 600", timeout_seconds=2
    )

    assert result.verdict is Verdict.TIMED_OUT, result.reasons
    assert result.before is not None
    assert result.before.timed_out
    assert result.before.exit_code is None
    assert "so far so good" in result.before.output_tail


def test_what_the_first_run_leaves_behind_does_not_reach_the_second(
    repository: MakeRepository, validate: Validate
) -> None:
    """It leaves a running server, files in the clone, the home folder and /tmp, and no .git."""
    dirty = (
        "import os, shutil, socket, subprocess, sys\nfrom pathlib import Path\n\n"
        "PLACES = [Path('made'), Path.home() / 'made', Path('/tmp/made')]\n\n"
        "def test_once():\n    assert not [p for p in PLACES if p.exists()]\n    [p.mkdir() for p in PLACES]\n"
        "    Path('numbers_.py').write_text('broken(')\n    shutil.rmtree('.git')\n\n"
        "def test_server():\n    server = socket.socket()\n    server.bind(('127.0.0.1', 8765))\n"
        "    subprocess.Popen(['sleep', '600'], pass_fds=[server.fileno()], start_new_session=True)\n"
    )

    result = validate(repository({**PYTHON, "test_zdirty.py": dirty}), diff=FIX, **ONCE)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.changes is not None
    assert result.changes.pass_to_pass == 3


NODE_BUGGY = "exports.double = (number) => number + 2;\n"
NODE_TEST = """const test = require('node:test');
const assert = require('node:assert');
const { double } = require('./numbers.js');
test('doubles', () => assert.equal(double(5), 10));
test.describe('edge', () => test.it('is zero', () => assert.equal(double(0) >= 0, true)));
"""


def node_repository(script: str) -> Mapping[str, str | bytes]:
    return {
        "package.json": f'{{"name": "numbers", "version": "1.0.0", "scripts": {{"test": "{script}"}}}}\n',
        "numbers.js": NODE_BUGGY,
        "numbers.test.js": NODE_TEST,
    }


NODE_FIX = diff_of("numbers.js", NODE_BUGGY, "number + 2", "number * 2")


def test_a_node_repository_is_validated_test_by_test(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository(node_repository("node --test")), diff=NODE_FIX, reruns=1)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.command == "npm test"
    assert result.changes is not None
    assert result.changes.fail_to_pass == ["numbers.test.js::doubles"]
    assert result.after is not None
    assert result.after.total == 2
    assert result.coverage == [ChangedCoverage(path="numbers.js", covered=[1], uncovered=[])]


def test_source_that_meddles_with_nodes_assertions_is_not_believed(
    repository: MakeRepository, validate: Validate
) -> None:
    silencing = diff_of(
        "numbers.js", NODE_BUGGY, NODE_BUGGY, f"require('node:assert').equal = () => {{}};\n{NODE_BUGGY}"
    )

    result = validate(repository(node_repository("node --test")), diff=silencing, **ONCE)

    assert result.verdict is Verdict.UNTRUSTED, result.reasons
    assert "meddled with while it ran: changed node:assert.equal" in result.reasons[0]


def test_a_command_without_a_report_proves_nothing(repository: MakeRepository, validate: Validate) -> None:
    command = "python3 -c 'from numbers_ import double; assert double(5) == 10'"

    result = validate(repository(PYTHON), diff=FIX, test_command=command, **ONCE)

    assert result.verdict is Verdict.UNTRUSTED
    assert "there is no report that tells its tests apart" in result.reasons[0]
    assert any("with the patch: exit code 0, no report" in reason for reason in result.reasons)


def test_a_sub_folder_is_validated_by_its_own_tests(repository: MakeRepository, validate: Validate) -> None:
    files = {"test_root.py": "def test_root():\n    assert False\n"}
    files |= {f"packages/numbers/{name}": text for name, text in PYTHON.items()}

    result = validate(repository(files), subfolder="packages/numbers", diff=FIX, must_pass=["test_half"], **ONCE)

    assert result.verdict is Verdict.FIXED, result.reasons
    assert result.patch is not None
    assert result.patch.files == ["packages/numbers/numbers_.py"]
    assert result.changes is not None
    assert result.changes.fail_to_pass == ["test_numbers.py::test_double"]
    assert result.coverage == [ChangedCoverage(path="packages/numbers/numbers_.py", covered=[2], uncovered=[])]


def test_a_repository_without_tests_gets_the_verdict_no_tests(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository(NOTE), diff=NOTE_CHANGED)

    assert result.verdict is Verdict.NO_TESTS
    assert "Looked for: a pytest section" in result.reasons[0]
    assert (result.command, result.before, result.patch, result.after) == (None, None, None, None)


def test_a_patch_whose_dependencies_cannot_be_installed_is_a_failed_set_up(
    repository: MakeRepository, validate: Validate
) -> None:
    result = validate(repository(PYTHON), diff=FIX + creating("requirements.txt", "./no/such/file.whl\n"))

    assert result.verdict is Verdict.SETUP_FAILED
    assert "With the patch" in result.reasons[0]
    assert result.before is not None
    assert result.after is None


def test_an_unknown_ref_is_a_permanent_fault(repository: MakeRepository, validate: Validate) -> None:
    with pytest.raises(PermanentFault, match="no-such-branch"):
        validate(repository(PYTHON), ref="no-such-branch", diff=FIX)
