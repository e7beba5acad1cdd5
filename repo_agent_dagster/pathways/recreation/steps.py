"""The pathway `error_recreation`: make a described error happen, and keep what makes it happen as a failing test.

clone → set_up → read_bug → reproduce → make_minimal → find_first_bad → conclude. Each step is a function of its own,
so that a job can show it. A step whose ground is missing does nothing and returns None, and `conclude` says why.
`recreate` runs them all.
"""

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.recreation import Bisection, ErrorRecreationResult
from repo_agent_dagster.contracts.tasks import ErrorRecreationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.recreation.agent import Agent
from repo_agent_dagster.pathways.recreation.bisecting import Trial, bisect
from repo_agent_dagster.pathways.recreation.candidates import Candidate, build_candidates, kinds_of
from repo_agent_dagster.pathways.recreation.concluding import conclude
from repo_agent_dagster.pathways.recreation.failing_test import ReproTest
from repo_agent_dagster.pathways.recreation.handed_on import Bug, Repro
from repo_agent_dagster.pathways.recreation.judging import told_in_words
from repo_agent_dagster.pathways.recreation.matching import compare
from repo_agent_dagster.pathways.recreation.minimising import MOST_SECONDS, minimise, prove_test, try_test
from repo_agent_dagster.pathways.recreation.reading.description import read_description
from repo_agent_dagster.pathways.recreation.reading.signature import read_signature
from repo_agent_dagster.pathways.recreation.running import Place, Runner, argv_of, argv_of_test
from repo_agent_dagster.pathways.recreation.searching import SEARCH_SECONDS, Search, Searcher
from repo_agent_dagster.pathways.recreation.survey import Survey, survey_repository
from repo_agent_dagster.pathways.setup import opening
from repo_agent_dagster.pathways.setup.opening import Environment, Opened, clone
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

__all__ = [
    "clone",
    "conclude",
    "find_first_bad",
    "make_minimal",
    "read_bug",
    "recreate",
    "reproduce",
    "set_up",
]

_MAX_TEST_BYTES = 1 << 20
_SECONDS_KEPT = 60.0
"""What of the sandbox's time is left for concluding."""


def set_up(context: TaskContext, opened: Opened, payload: ErrorRecreationPayload) -> Environment:
    """Install what the repository needs, whether or not it has tests; failures are told in the result, not raised."""
    return opening.set_up(context, opened.box, opened.checkout, payload, ecosystem="custom")


def read_bug(
    context: TaskContext, opened: Opened, environment: Environment, payload: ErrorRecreationPayload
) -> Bug | None:
    """Read the description and make candidates of it; None where the repository could not be made runnable.

    Raises:
        RepositoryNotSurveyed: the clone cannot be read in the sandbox.
    """
    if not environment.setup.ok:
        return None
    survey = survey_repository(context, opened.box, opened.checkout.path)
    description = read_description(payload.bug_description)
    signature, expectation = read_signature(description, payload.expected_error, survey)
    candidates = build_candidates(description, signature, expectation, survey)
    source = f", read from {signature.source}" if signature.source else ""
    context.think("read_bug", f"sought is {told_in_words(signature)} ({signature.symptom}{source})")
    context.think("read_bug", f"{len(candidates)} candidates to run: {kinds_of(candidates)}")
    return Bug(description, signature, survey, tuple(candidates))


def reproduce(context: TaskContext, opened: Opened, bug: Bug | None, payload: ErrorRecreationPayload) -> Search | None:
    """Run the candidates, the nearest first, until one shows the error, and repeat that one.

    Where none does each time and a model is configured, the model is given a try; what it finds is held to the same.

    Raises:
        CloneDamaged: a candidate broke the clone.
        SandboxUnavailable, SandboxDeadlineExceeded: the sandbox is gone.
    """
    if bug is None:
        return None
    runner = runner_in(opened, bug, payload)
    searcher = Searcher(context, runner, bug.signature, bug.survey, repeats=payload.repeats)
    # The later steps have the other half of what the sandbox has still to live.
    half = seconds_left(context, opened) / 2
    search = searcher.search_all(list(bug.candidates), within_seconds=min(SEARCH_SECONDS, half))
    if search.found is not None and search.found.is_certain:
        return search
    if context.provider is None:
        context.think("reproduce", "no model is configured: what the rules gave stands")
        return search
    agent = Agent(context, opened.box, runner, searcher, bug.description, bug.signature, bug.survey)
    if agent.look(context.provider(), max_steps=payload.max_steps):
        search.path = "model"
    return search


def make_minimal(
    context: TaskContext,
    opened: Opened,
    bug: Bug | None,
    search: Search | None,
    payload: ErrorRecreationPayload,
) -> Repro | None:
    """Make the reproduction minimal and a failing test of it; one that is flaky stays as it is."""
    if bug is None or search is None or search.found is None:
        return None
    found = search.found
    runner = runner_in(opened, bug, payload)
    candidate = found.candidate
    if found.is_certain:
        within = min(MOST_SECONDS, seconds_left(context, opened) / 2)
        reduced = minimise(runner, candidate, found.match, bug.signature, bug.survey, within_seconds=within)
        candidate = reduced.candidate
        if reduced.runs:
            ended = "" if reduced.is_complete else "; its budget ended there"
            context.think(
                "make_minimal",
                f"{reduced.lines_before} lines became {reduced.lines_after} in {reduced.runs} runs{ended}",
            )
    else:
        context.think("make_minimal", "it happens now and then, so leaving out statements would prove nothing")
    test, fails = prove_test(runner, candidate, found.match, bug.signature, bug.description.title, bug.survey)
    if test is not None and test.is_kept:
        test = replace(test, text=_text_of(opened.box, posixpath.join(opened.checkout.path, test.path)))
    if test is not None:
        context.think(
            "make_minimal", f"{test.path} {'fails with the error' if fails else 'was not seen to fail with it'}"
        )
    return Repro(candidate, found.match, test, fails, _command(candidate, test, bug.survey))


def find_first_bad(
    context: TaskContext,
    opened: Opened,
    bug: Bug | None,
    search: Search | None,
    repro: Repro | None,
    payload: ErrorRecreationPayload,
) -> Bisection | None:
    """Find the first commit with the error, where the task asks for it; the set-up of the bad commit serves for all."""
    if not payload.bisect or payload.good_ref is None:
        return None
    checkout = opened.checkout
    mirror = checkout.mirror or context.repositories.mirror(payload.repo_url)
    if bug is None or repro is None or search is None or search.found is None or not search.found.is_certain:
        good = mirror.resolve(payload.good_ref)
        note = "nothing shows the error each time, so commits cannot be told apart by it"
        return Bisection(good=good, bad=checkout.commit, first_bad=None, steps=0, note=note)
    runner = runner_in(opened, bug, payload)
    outcomes: dict[str, Trial] = {}

    def trial(commit: str) -> Trial:
        if commit not in outcomes and seconds_left(context, opened) <= 0:
            context.think("find_first_bad", f"the sandbox's time is nearly up: {commit[:12]} is not tried")
            return "untestable"
        if commit not in outcomes:
            outcomes[commit] = _trial(opened, runner, commit, repro, bug)
            context.think("find_first_bad", f"{commit[:12]} is {outcomes[commit]}")
        return outcomes[commit]

    def say(text: str) -> None:
        context.think("find_first_bad", text)

    return bisect(mirror, payload.good_ref, checkout.commit, trial, say=say)


def recreate(context: TaskContext, payload: ErrorRecreationPayload) -> ErrorRecreationResult:
    """Run the whole pathway and return its result.

    Raises:
        PermanentFault: the repository or the ref does not exist, or the clone broke.
        TransientFault: the repository or the sandbox cannot be reached at the moment.
    """
    with context.step("clone"):
        opened = clone(context, payload)
    with context.step("set_up"):
        environment = set_up(context, opened, payload)
    with context.step("read_bug"):
        bug = read_bug(context, opened, environment, payload)
    with context.step("reproduce"):
        search = reproduce(context, opened, bug, payload)
    with context.step("make_minimal"):
        repro = make_minimal(context, opened, bug, search, payload)
    with context.step("find_first_bad"):
        bisection = find_first_bad(context, opened, bug, search, repro, payload)
    with context.step("conclude"):
        return conclude(context, payload, opened, environment, bug, search, repro, bisection)


def seconds_left(context: TaskContext, opened: Opened) -> float:
    """Return how long the sandbox lives still, without what concluding takes; never below 0."""
    return max(0.0, (opened.box.deadline - context.now()).total_seconds() - _SECONDS_KEPT)


def runner_in(opened: Opened, bug: Bug, payload: ErrorRecreationPayload) -> Runner:
    """Return what runs candidates on the clone."""
    checkout = opened.checkout
    place = Place(checkout.root, checkout.path, checkout.commit, bug.survey.node_package)
    return Runner(opened.box, place, timeout_seconds=payload.timeout_seconds)


def _trial(opened: Opened, runner: Runner, commit: str, repro: Repro, bug: Bug) -> Trial:
    asked = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
    there = opened.box.exec(asked, cwd=opened.checkout.root, timeout_seconds=60)
    if not there.ok:
        return "untestable"  # the clone of a large repository holds its last commits only
    at = runner.at(commit)
    if repro.test is not None and repro.test_fails:
        match = try_test(at, repro.test, repro.candidate, bug.signature, bug.survey)
    else:
        match = compare(bug.signature, repro.candidate, at.run(repro.candidate), bug.survey)
    if match.is_shown:
        return "bad"
    return "good" if match.outcome == "no_error" else "untestable"


def _command(candidate: Candidate, test: ReproTest | None, survey: Survey) -> str:
    if test is None:
        return candidate.text if candidate.kind == "shell" else " ".join(argv_of(candidate))
    words = argv_of_test(test.target)
    if ".py" not in test.target:
        return " ".join(words)
    path = "PYTHONPATH=src " if any(name.startswith("src/") for name in survey.files) else ""
    return f"{path}python3 -m pytest {test.target}"


def _text_of(box: "Sandbox", path: str) -> str:
    try:
        return box.get(path, max_bytes=_MAX_TEST_BYTES).decode("utf-8", "replace")
    except SandboxFileError:
        return ""  # a test that is no plain file: it is named, its text is not kept
