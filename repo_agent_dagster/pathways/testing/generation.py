"""Tests that a model writes for a prompt: put into the clone as a patch batch, and kept only if they are worth it.

Worth it means: they pass twice, and fail when the program under test is changed in one small place that they run.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.ai import AiFault, Provider, propose_batch
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.contracts.testing import GeneratedTest
from repo_agent_dagster.patching.diffs.writing import FileState
from repo_agent_dagster.patching.model import InvalidPatch, PatchConflict
from repo_agent_dagster.patching.planning.batch_plan import plan_batch
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.pathways.suites.finding import Suite
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.pathways.suites.testrun import TestRun, case_results
from repo_agent_dagster.pathways.testing.candidates import read_candidates
from repo_agent_dagster.pathways.testing.choosing import ids_to_run
from repo_agent_dagster.pathways.testing.leavings import artifact_name
from repo_agent_dagster.pathways.testing.mutating import Mutant, mutants
from repo_agent_dagster.pathways.testing.sources import (
    EXAMPLE_BYTES,
    is_test,
    read_sources,
    read_text,
    sources_for,
)

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MUTANTS = 12
MOST_FILES = 5
PASSES = 2

_RUNNERS = frozenset({"pytest", "unittest", "node:test", "jest", "vitest", "mocha"})
_SECONDS = 60
_LEAST_TIMEOUT = 20.0


@dataclass(frozen=True)
class _Bench:
    """Where generated tests are tried: the clone, the suite that runs them, and the program files that were shown."""

    context: TaskContext
    box: "Sandbox"
    path: str
    suite: Suite
    sources: dict[str, str]
    timeout_seconds: float

    def run(self, file: str, *, coverage: bool = False, timeout_seconds: float | None = None) -> TestRun:
        """Run one test file."""
        return run_tests(
            self.box,
            self.path,
            self.suite.command,
            timeout_seconds=timeout_seconds or self.timeout_seconds,
            only=ids_to_run(self.suite, [file]),
            coverage=coverage,
        )


def generate_tests(
    context: TaskContext, box: "Sandbox", checkout: Checkout, suites: Sequence[Suite], payload: TestingPayload
) -> tuple[GeneratedTest, ...]:
    """Have the model write tests for each prompt of the payload, try them, and keep the good ones as artifacts."""
    if context.provider is None:
        return ()
    provider = context.provider()
    made: list[GeneratedTest] = []
    for is_front, prompt in ((True, payload.frontend_prompt.strip()), (False, payload.backend_prompt.strip())):
        if not prompt:
            continue
        suite = _suite_for(suites, is_front=is_front)
        if suite is None:
            side = "front" if is_front else "back"
            made.append(_none(prompt, f"no {side}-end suite has a runner that tests can be written for"))
            continue
        sources = sources_for(box, checkout.path, prompt, read_sources(box, checkout.path, suite.command.folder))
        if not sources:
            made.append(_none(prompt, "no program file shares a word with the prompt"))
            continue
        bench = _Bench(context, box, checkout.path, suite, sources, payload.timeout_seconds)
        made += _for_prompt(bench, provider, prompt)
    for one in made:
        context.think("generate", f"{one.path or 'no test'}: {'kept' if one.kept else 'not kept'}: {one.note}")
    return tuple(made)


def _suite_for(suites: Sequence[Suite], *, is_front: bool) -> Suite | None:
    fitting = [suite for suite in suites if suite.command.runner in _RUNNERS and not suite.missing]
    return next((suite for suite in fitting if (suite.side == "frontend") == is_front), None)


def _none(prompt: str, note: str) -> GeneratedTest:
    return GeneratedTest(prompt=prompt, path="", kept=False, note=note)


def _for_prompt(bench: _Bench, provider: Provider, prompt: str) -> Iterator[GeneratedTest]:
    example = _example(bench)
    folder = _test_folder(bench.suite, example)
    names = _names_like(bench.suite, example)
    try:
        batch = propose_batch(
            provider,
            "tests_for_prompt",
            {
                "wanted": prompt,
                "runner": bench.suite.command.runner,
                "command": bench.suite.command.display,
                "files": bench.sources,
                "example": {example: read_text(bench.box, f"{bench.path}/{example}", EXAMPLE_BYTES)} if example else {},
                "folder": folder,
                "names": names,
            },
            allowed=[folder],
            judge=lambda proposed: _problems(bench, proposed, names),
        )
        files = _written(bench, batch)
    except (AiFault, InvalidPatch, PatchConflict) as error:
        yield _none(prompt, str(error))
        return
    for file, text in files.items():
        kept, note = _worth(bench, file)
        artifact = None
        if kept:
            artifact = bench.context.artifacts.put(f"generated/{artifact_name(file)}", text).key
        else:
            bench.box.exec(["rm", "-f", "--", f"{bench.path}/{file}"], cwd="/", timeout_seconds=_SECONDS)
        yield GeneratedTest(prompt=prompt, path=file, kept=kept, note=note, artifact=artifact)


def _example(bench: _Bench) -> str:
    """Return a test file of the suite, the shortest path first; empty where there is none."""
    command = bench.suite.command
    inside = [one.file for one in read_candidates(bench.box, bench.path) if one.file.startswith(command.folder)]
    ours = {file for file in inside if file.endswith(".py") == (command.ecosystem == "python")}
    return min(ours, key=lambda file: (file.count("/"), file), default="")


def _test_folder(suite: Suite, example: str) -> str:
    beside = posixpath.dirname(example)
    default = "tests" if suite.command.ecosystem == "python" else "test"
    return beside or posixpath.join(suite.command.folder, default if not example else ".").removesuffix("/.") or "."


def _names_like(suite: Suite, example: str) -> str:
    if suite.command.ecosystem == "python":
        return "test_….py"
    ending = re.search(r"(\.(?:test|spec))?\.\w+$", example)
    return f"…{ending[0]}" if ending else "….test.js"


def _problems(bench: _Bench, batch: PatchBatch, names: str) -> list[str]:
    """Tell what is wrong with proposed tests, for the model to correct."""
    begin, _, end = names.partition("…")
    found = []
    for number, operation in enumerate(batch.patches):
        name = posixpath.basename(getattr(operation, "file", ""))
        if operation.op != "create-file":
            found.append(f"patches.{number}: only create-file is allowed, not {operation.op}")
        elif not (name.startswith(begin) and name.endswith(end)):
            found.append(f"patches.{number}: the file's name must look like {names}, or the runner does not find it")
    if len(batch.patches) > MOST_FILES:
        found.append(f"at most {MOST_FILES} files, not {len(batch.patches)}")
    if not found:
        try:
            _planned(bench, batch)
        except (InvalidPatch, PatchConflict) as error:
            found.append(str(error))
    return found


def _planned(bench: _Bench, batch: PatchBatch) -> dict[str, bytes]:
    def read(name: str) -> FileState | None:
        place = f"{bench.path}/{name}"
        there = bench.box.exec(["test", "-e", place, "-o", "-L", place], cwd="/", timeout_seconds=_SECONDS)
        return FileState(b"", 0o644) if there.ok else None

    plan = plan_batch(batch, read)
    return {file.path: file.after.content for file in plan.files if file.after is not None}


def _written(bench: _Bench, batch: PatchBatch) -> dict[str, bytes]:
    files = _planned(bench, batch)
    bench.box.put(files, bench.path)
    return files


def _worth(bench: _Bench, file: str) -> tuple[bool, str]:
    """Return whether a test file that was written is worth keeping, and why."""
    runs = [bench.run(file, coverage=number == 0) for number in range(PASSES)]
    for number, run in enumerate(runs, 1):
        bench.context.keep_cases(f"generated {posixpath.basename(file)} {number}"[:64], case_results(run))
        if why := _not_passed(run):
            return False, f"run {number} of {PASSES}: {why}"
    timeout = max(_LEAST_TIMEOUT, 3 * max(run.duration_seconds for run in runs))
    tried = 0
    for source, mutant in _mutants(bench, runs[0]):
        tried += 1
        bench.box.put({source: mutant.text.encode()}, bench.path)
        try:
            changed = bench.run(file, timeout_seconds=timeout)
        finally:
            bench.box.put({source: bench.sources[source].encode()}, bench.path)
        if changed.timed_out or changed.failing or changed.exit_code != 0:
            return True, f"it passed {PASSES} times, and failed with {source}:{mutant.line} changed ({mutant.change})"
    if not tried:
        return False, "it runs no line of the program files that could be changed, so nothing shows what it checks"
    return False, f"it passed also with each of {tried} changes of the lines that it runs: it checks nothing of them"


def _not_passed(run: TestRun) -> str:
    if run.timed_out:
        return "it did not end in time"
    if run.failing:
        first = run.failing[0]
        return f"{first.id} failed: {first.message.splitlines()[0] if first.message else 'no message'}"
    if run.doubts:
        return run.doubts[0]
    if run.exit_code != 0 or not any(case.outcome == "passed" for case in run.cases):
        return f"no test of it passed (exit code {run.exit_code})"
    return ""


def _mutants(bench: _Bench, measured: TestRun) -> Iterator[tuple[str, Mutant]]:
    """Yield changes of lines that the test runs, spread over the files; of any line where that was not measured."""
    found: list[tuple[str, Mutant]] = []
    for source, text in bench.sources.items():
        if is_test(source):
            continue
        hits = _hits(bench, measured, source)
        found += [(source, one) for one in mutants(text, source) if hits is None or hits.get(one.line, 0) > 0]
    step = max(1, len(found) // MUTANTS)
    yield from found[::step][:MUTANTS]


def _hits(bench: _Bench, measured: TestRun, source: str) -> dict[int, int] | None:
    if measured.coverage is None:
        return None
    inner = source.removeprefix(f"{bench.suite.command.folder}/")
    return dict(measured.coverage.get(source) or measured.coverage.get(inner) or {})
