"""The pathway `testing`: find a repository's suites, run them, and keep every test's outcome.

clone → set_up → find_suites → run_suites → generate → conclude. Each step is a function of its own, so that a job can
show it; what they pass on is plain data. `run_testing` runs them all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from repo_agent_dagster.artifacts import ArtifactError
from repo_agent_dagster.contracts.suites import LISTED_TESTS
from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.contracts.testing import GeneratedTest, TestingResult
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened, clone
from repo_agent_dagster.pathways.suites import finding
from repo_agent_dagster.pathways.suites.hints import read_hints
from repo_agent_dagster.pathways.suites.junit_xml import junit_xml
from repo_agent_dagster.pathways.suites.reporting import Shard
from repo_agent_dagster.pathways.suites.testrun import case_results
from repo_agent_dagster.pathways.testing.candidates import read_candidates
from repo_agent_dagster.pathways.testing.choosing import Chosen, choose, has_prompt, ids_to_run, narrow
from repo_agent_dagster.pathways.testing.generation import generate_tests
from repo_agent_dagster.pathways.testing.leavings import artifact_name, mark_begin, take_leavings
from repo_agent_dagster.pathways.testing.runs import SLOWEST, SuiteRuns, covered, run_label, run_suite
from repo_agent_dagster.pathways.testing.verdict import judge

if TYPE_CHECKING:
    pass

KEPT_REPORT_BYTES = 16 << 20


def set_up(context: TaskContext, opened: Opened, payload: TestingPayload) -> Environment:
    """Install what the tests need, those of all ecosystems; failures are told in the result, not raised."""
    return opening.set_up(
        context, opened.box, opened.checkout, payload, test_command=payload.test_command, ecosystem="custom"
    )


def find_suites(context: TaskContext, opened: Opened, environment: Environment, payload: TestingPayload) -> Chosen:
    """Find the suites, and choose those that the task's mode and prompts are about."""
    path = opened.checkout.path
    explicit = payload.test_command
    if explicit is None and environment.command is not None and environment.command.ecosystem == "custom":
        explicit = environment.command.display  # the recipe's
    suites = finding.find_suites(environment.facts, read_hints(opened.box, path), explicit)
    for suite in suites:
        why = f"{suite.command.reason}; side {suite.side}, kind {suite.kind}"
        context.think("find_suites", f"{suite.name}: `{suite.command.display}`: {why}")
    chosen = choose(suites, payload.test_mode)
    if has_prompt(payload) and context.provider is None:
        chosen = narrow(chosen, payload, read_candidates(opened.box, path))
    for remark in chosen.remarks:
        context.think("find_suites", remark)
    if not suites:
        context.think("find_suites", f"no suite was found: {environment.setup.note}")
    return chosen


def run_suites(
    context: TaskContext, opened: Opened, environment: Environment, chosen: Chosen, payload: TestingPayload
) -> tuple[SuiteRuns, ...]:
    """Run the chosen suites one after the other and keep their tests and reports; nothing when set-up failed."""
    if not environment.setup.ok:
        return ()
    box, path = opened.box, opened.checkout.path
    harness = context.scripts.deliver(box, "test_harness.sh") if chosen.suites else None
    mark_begin(box)
    done: list[SuiteRuns] = []
    for suite in chosen.suites:
        context.say(f"{suite.name}: {suite.command.display}")
        only = chosen.only.get(suite.name)
        runs = run_suite(
            box,
            path,
            suite,
            repeat=payload.repeat,
            timeout_seconds=payload.timeout_seconds,
            shard=Shard.parse(payload.shard) if payload.shard else None,
            coverage=payload.coverage,
            only=None if only is None else ids_to_run(suite, only),
            harness=harness,
        )
        context.think("run_suites", f"{suite.name}: {runs.state}")
        _keep(context, runs)
        done.append(runs)
    files, problem = take_leavings(box, path)
    for name, content in files.items():
        _put(context, f"left/{name}", content)
    if problem:
        context.think("run_suites", problem)
    return tuple(done)


def _keep(context: TaskContext, runs: SuiteRuns) -> None:
    slug = artifact_name(runs.suite.name.replace("/", "-").replace(": ", "-").replace(" ", "-"))
    for number, run in enumerate(runs.runs, 1):
        context.keep_cases(run_label(runs.suite, number), case_results(run, suite=runs.suite.name))
        if run.cases:
            context.artifacts.put(f"reports/{slug}-{number}.junit.xml", junit_xml(run, name=runs.suite.name))
        for name, content in run.reports.items():
            if len(content) <= KEPT_REPORT_BYTES:
                _put(context, f"reports/{slug}-{number}/{artifact_name(name)}", content)


def _put(context: TaskContext, name: str, content: bytes) -> None:
    try:
        context.artifacts.put(name, content)
    except ArtifactError as error:  # a name that a runner or a test made up; the run counts without it
        context.think("run_suites", f"a file was not kept: {error}")


def generate(
    context: TaskContext, opened: Opened, environment: Environment, chosen: Chosen, payload: TestingPayload
) -> tuple[GeneratedTest, ...]:
    """Have the model write tests for the prompts; nothing without a model, a prompt, or a repository that runs."""
    if context.provider is None or not has_prompt(payload) or not environment.setup.ok:
        return ()
    return generate_tests(context, opened.box, opened.checkout, chosen.suites, payload)


def conclude(
    context: TaskContext,
    opened: Opened,
    environment: Environment,
    chosen: Chosen,
    suites: Sequence[SuiteRuns],
    generated: Sequence[GeneratedTest],
    payload: TestingPayload,
) -> TestingResult:
    """Put what the steps gave into the task's result."""
    judgement = judge(environment.setup, suites, remarks=chosen.remarks)
    context.think("conclude", f"{judgement.verdict}: {judgement.reasons[0]}")
    first = [one.runs[0] for one in suites if one.runs]
    results = [one.result() for one in suites]
    timed = sorted(
        (case for result in results for case in result.slowest),
        key=lambda case: case.duration_seconds or 0.0,
        reverse=True,
    )
    hits = {(one.suite.command.folder, path): lines for one in suites for path, lines in one.coverage.items()}
    return TestingResult(
        verdict=judgement.verdict,
        reasons=list(judgement.reasons),
        repo_url=opened.checkout.url,
        ref=payload.ref,
        commit=opened.checkout.commit,
        subfolder=payload.subfolder,
        durations=dict(context.durations),
        artifacts=list(context.artifacts.kept),
        test_mode=payload.test_mode,
        setup=environment.setup,
        suites=results,
        total=sum(len(run.cases) for run in first),
        passed=sum(run.count("passed") for run in first),
        failed=sum(run.count("failed") for run in first),
        errors=sum(run.count("error") for run in first),
        skipped=sum(run.count("skipped") for run in first),
        failing=[test for one in suites for test in one.failing][:LISTED_TESTS],
        flaky=[test for one in suites for test in one.flaky][:LISTED_TESTS],
        slowest=timed[:SLOWEST],
        coverage=covered({f"{folder}/{path}": lines for (folder, path), lines in hits.items()}),
        shard=payload.shard,
        generated=list(generated),
        selected=list(chosen.selected[:LISTED_TESTS]),
        seconds=round(sum(run.duration_seconds for one in suites for run in one.runs), 3),
    )


def run_testing(context: TaskContext, payload: TestingPayload) -> TestingResult:
    """Run the whole pathway and return its result.

    Raises:
        PermanentFault: the repository or the ref does not exist.
        TransientFault: the repository or the sandbox cannot be reached at the moment.
    """
    with context.step("clone"):
        opened = clone(context, payload)
    with context.step("set_up"):
        environment = set_up(context, opened, payload)
    with context.step("find_suites"):
        chosen = find_suites(context, opened, environment, payload)
    with context.step("run_suites"):
        suites = run_suites(context, opened, environment, chosen, payload)
    with context.step("generate"):
        generated = generate(context, opened, environment, chosen, payload)
    with context.step("conclude"):
        return conclude(context, opened, environment, chosen, suites, generated, payload)
