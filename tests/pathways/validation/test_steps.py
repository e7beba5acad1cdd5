"""The pathway end to end: real repositories, real git, real sandboxes."""

import difflib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from repo_agent_dagster.cli.example_repo import RepositoryFixture, make_repository
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import Verdict
from repo_agent_dagster.pathways.validation import steps as pathway
from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
from repo_agent_dagster.sandbox.sandbox import Sandbox
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


def diff_of(file: str, text: str, old: str, new: str) -> str:
    """The diff that replaces one passage of a file."""
    assert old in text
    before, after = text.splitlines(keepends=True), text.replace(old, new).splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, f"a/{file}", f"b/{file}"))


FIX = diff_of("numbers_.py", BUGGY, "number + 2", "number * 2")
# For repositories where what the patch does is not the point.
NOTE = {"note.txt": "a\n"}
NOTE_CHANGED = diff_of("note.txt", "a\n", "a", "b")


@pytest.fixture
def example(tmp_path: Path, now: datetime) -> RepositoryFixture:
    return make_repository(tmp_path / "buggy_repo", now=now)


def test_the_examples_fix_is_proved(example: RepositoryFixture, validate: Validate) -> None:
    result = validate(example.url, diff=example.fix)

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.ok
    assert (result.commit, result.command) == (example.commit, "python3 -m pytest")
    assert result.before is not None
    assert result.after is not None
    assert (result.before.total, result.before.failed) == (9, 1)
    assert (result.after.total, result.after.failed) == (9, 0)
    assert result.fixed == ["tests/test_invoice.py::test_half_a_cent_rounds_up"]
    assert result.patch is not None
    assert result.patch.files == ["invoicing/money.py"]
    assert result.setup is not None
    assert not result.setup.used_network


def test_a_batch_of_operations_is_applied_like_a_diff(repository: MakeRepository, validate: Validate) -> None:
    patch = {"op": "replace-block", "file": "numbers_.py", "start": 2, "end": 2, "block": "    return number * 2"}

    result = validate(repository(PYTHON), batch={"patches": [patch]})

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.patch is not None
    assert (result.patch.kind, result.patch.files) == ("batch", ["numbers_.py"])


def test_a_diff_that_does_not_fit_is_rejected_with_gits_words_and_the_hunk(
    repository: MakeRepository, validate: Validate
) -> None:
    result = validate(repository(PYTHON), diff=FIX.replace("number + 2", "number + 42"))

    assert result.verdict is Verdict.PATCH_REJECTED
    assert result.patch is not None
    assert "patch failed: numbers_.py:1" in result.patch.message
    assert "-    return number + 42" in result.explanation
    assert result.before is not None
    assert result.after is None


def test_a_patch_that_breaks_another_test_is_found_out(repository: MakeRepository, validate: Validate) -> None:
    fixed = BUGGY.replace("number + 2", "number * 2")
    both = diff_of("numbers_.py", BUGGY, BUGGY, fixed.replace("number / 2", "number // 3"))

    result = validate(repository(PYTHON), diff=both)

    assert result.verdict is Verdict.REGRESSED, result.explanation
    assert result.fixed == ["test_numbers.py::test_double"]
    assert result.broken == ["test_numbers.py::test_half"]


def test_a_patch_that_cannot_be_imported_is_found_out(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository(PYTHON), diff=diff_of("numbers_.py", BUGGY, "double(number)", "double(number"))

    assert result.verdict is Verdict.REGRESSED, result.explanation
    assert result.broken == ["test_numbers.py"]


def test_a_module_that_could_not_be_imported_before_is_repaired(repository: MakeRepository, validate: Validate) -> None:
    broken = BUGGY.replace("(number)", "(number", 1).replace("number + 2", "number * 2")
    files = {**PYTHON, "numbers_.py": broken}

    result = validate(repository(files), diff=diff_of("numbers_.py", broken, "double(number", "double(number)"))

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.fixed == ["test_numbers.py"]


def test_tests_that_hang_are_stopped_and_their_output_kept(repository: MakeRepository, validate: Validate) -> None:
    hang = "import time\n\ndef test_hang():\n    print('so far so good', flush=True)\n    time.sleep(600)\n"

    result = validate(
        repository({"test_hang.py": hang, **NOTE}),
        diff=NOTE_CHANGED,
        test_command="python3 -m pytest -s",
        timeout_seconds=2,
    )

    assert result.verdict is Verdict.TIMED_OUT, result.explanation
    assert result.before is not None
    assert result.before.timed_out
    assert result.before.exit_code is None
    assert "so far so good" in result.before.output_tail


def test_tests_that_dirty_the_clone_do_not_disturb_the_second_run(
    repository: MakeRepository, validate: Validate
) -> None:
    dirty = (
        "from pathlib import Path\n\ndef test_once():\n    Path('made').mkdir()\n"
        "    Path('numbers_.py').write_text(Path('numbers_.py').read_text() + '# touched')\n"
    )

    result = validate(repository({**PYTHON, "test_dirty.py": dirty}), diff=FIX)

    assert result.verdict is Verdict.FIXED, result.explanation


def test_a_clone_that_the_tests_destroyed_is_a_permanent_fault(repository: MakeRepository, validate: Validate) -> None:
    destroy = "import shutil\n\ndef test_destroy():\n    shutil.rmtree('.git')\n"

    with pytest.raises(PermanentFault, match="git cannot reset it"):
        validate(repository({"test_destroy.py": destroy}), diff=FIX)


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
    result = validate(repository(node_repository("node --test")), diff=NODE_FIX)

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.command == "npm test"
    assert result.fixed == ["numbers.test.js::doubles"]
    assert result.after is not None
    assert (result.after.source, result.after.total) == ("junit", 2)


def test_a_node_script_with_its_own_reporter_is_judged_by_its_exit_code(
    repository: MakeRepository, validate: Validate
) -> None:
    result = validate(repository(node_repository("node --test --test-reporter=tap")), diff=NODE_FIX)

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.after is not None
    assert result.after.source == "exit_code"


def test_the_tasks_own_command_is_run_and_its_report_found(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository(PYTHON), diff=FIX, test_command="pytest -k double | cat")

    assert result.verdict is Verdict.FIXED, result.explanation
    assert result.after is not None
    assert (result.after.source, result.after.total) == ("junit", 1)


def test_a_repository_without_tests_gets_the_verdict_no_tests(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository(NOTE), diff=NOTE_CHANGED)

    assert result.verdict is Verdict.NO_TESTS
    assert "Looked for: a pytest section" in result.explanation
    assert (result.command, result.before, result.patch, result.after) == (None, None, None, None)


def test_a_suite_that_collects_nothing_gets_the_verdict_no_tests(
    repository: MakeRepository, validate: Validate
) -> None:
    result = validate(repository({"pytest.ini": "[pytest]\n", **NOTE}), diff=NOTE_CHANGED)

    assert result.verdict is Verdict.NO_TESTS
    assert "found none" in result.explanation


def test_dependencies_without_a_network_are_a_failed_set_up(repository: MakeRepository, validate: Validate) -> None:
    result = validate(repository({**PYTHON, "requirements.txt": "attrs\n"}), diff=FIX)

    assert result.verdict is Verdict.SETUP_FAILED
    assert "its policy is none" in result.explanation
    assert result.before is None


def test_a_patch_whose_dependencies_cannot_be_installed_is_a_failed_set_up(
    repository: MakeRepository, validate: Validate
) -> None:
    requirements = "--- /dev/null\n+++ b/requirements.txt\n@@ -0,0 +1 @@\n+attrs\n"

    result = validate(repository(PYTHON), diff=FIX + requirements)

    assert result.verdict is Verdict.SETUP_FAILED
    assert "With the patch" in result.explanation
    assert result.before is not None
    assert result.after is None


def test_an_unknown_ref_is_a_permanent_fault(repository: MakeRepository, validate: Validate) -> None:
    with pytest.raises(PermanentFault, match="no-such-branch"):
        validate(repository(PYTHON), ref="no-such-branch", diff=FIX)


def test_the_steps_can_be_taken_one_by_one_in_an_attached_sandbox(
    box: Sandbox, repositories: Repositories, repository: MakeRepository
) -> None:
    payload = SolutionValidationPayload(repo_url=repository(PYTHON), diff=FIX)

    checkout = pathway.clone(box, repositories, payload)
    environment = pathway.set_up(Sandbox.attach(box.id), checkout, payload)
    before = pathway.test_before(Sandbox.attach(box.id), checkout, environment, payload)
    patch = pathway.apply_fix(Sandbox.attach(box.id), checkout, environment, payload)
    after = pathway.test_after(Sandbox.attach(box.id), checkout, environment, patch, payload)
    result = pathway.conclude(payload, checkout, environment, before, patch, after)

    assert result.verdict is Verdict.FIXED
