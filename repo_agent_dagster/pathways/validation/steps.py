"""The pathway `solution_validation`: prove that a patch repairs a repository, in a sandbox, step by step.

clone → set_up → test_before → apply_fix → test_after → conclude. Each step is a function of its own, so that a job can
show it; what they pass on is plain data. A step whose ground is missing (set-up failed, patch rejected) does nothing
and returns None, and `conclude` says why. `validate_solution` runs them all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.suites import LISTED_TESTS, SetupSummary
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import (
    PatchSummary,
    SolutionValidationResult,
    Verdict,
)
from repo_agent_dagster.pathways.setup import environment as environments
from repo_agent_dagster.pathways.setup.facts import read_facts
from repo_agent_dagster.pathways.setup.plan import changes_dependencies
from repo_agent_dagster.pathways.suites.detection import NoTestCommand, TestCommand, detect_test_command
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation import fix
from repo_agent_dagster.pathways.validation.verdict import Judgement, judge

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
    from repo_agent_dagster.sandbox.sandbox import Sandbox

CLONE = "/workspace/repo"


@dataclass(frozen=True)
class Checkout:
    """The clone in the sandbox: where it is, which commit the ref meant, and whose (without credentials)."""

    path: str
    commit: str
    url: str


@dataclass(frozen=True)
class Environment:
    """How the tests are run (None: nobody knows) and how they were made runnable."""

    command: TestCommand | None
    setup: SetupSummary

    @property
    def ready(self) -> TestCommand | None:
        """The test command, if it can be run."""
        return self.command if self.setup.ok else None


@dataclass(frozen=True)
class PatchedRun:
    """The tests after the patch. `setup` is there when the patch changed dependencies; `run` is None if it failed."""

    setup: SetupSummary | None
    run: TestRun | None


def clone(box: "Sandbox", repositories: "Repositories", payload: SolutionValidationPayload) -> Checkout:
    """Bring the repository at the payload's ref into the sandbox, through the host's mirror.

    Raises:
        PermanentFault: the URL's protocol is not allowed, or the repository or the ref does not exist.
        TransientFault: the repository cannot be reached at the moment.
    """
    # Loaded here and not above, so that the pure parts of this package do without docker.
    from repo_agent_dagster.sandbox.repositories.cloning import clone_into

    mirror = repositories.mirror(payload.repo_url)
    commit = mirror.resolve(payload.ref)
    clone_into(box, mirror, commit, target=CLONE)
    return Checkout(CLONE, commit, mirror.url)


def set_up(box: "Sandbox", checkout: Checkout, payload: SolutionValidationPayload) -> Environment:
    """Find the test command and install what it needs; failures are told in the result, not raised."""
    facts = read_facts(box, checkout.path)
    try:
        command = detect_test_command(facts, payload.test_command)
    except NoTestCommand as error:
        nothing = SetupSummary(
            ok=True, ecosystem="", commands=[], used_network=False, duration_seconds=0, note=str(error)
        )
        return Environment(None, nothing)
    setup = environments.prepare(box, checkout.path, facts, command.ecosystem, timeout_seconds=payload.timeout_seconds)
    return Environment(command, setup)


def test_before(
    box: "Sandbox", checkout: Checkout, environment: Environment, payload: SolutionValidationPayload
) -> TestRun | None:
    """Run the tests as the commit has them; None when they cannot be run."""
    if environment.ready is None:
        return None
    return run_tests(box, checkout.path, environment.ready, timeout_seconds=payload.timeout_seconds)


def apply_fix(
    box: "Sandbox", checkout: Checkout, environment: Environment, payload: SolutionValidationPayload
) -> PatchSummary | None:
    """Reset the clone to its commit and apply the payload's diff or batch; None when the tests cannot be run anyway.

    Raises:
        CloneDamaged: the first run of the tests left a clone that git cannot reset.
    """
    if environment.ready is None:
        return None
    fix.reset(box, checkout.path, checkout.commit)
    if payload.batch is not None:
        return fix.apply_batch(box, checkout.path, payload.batch)
    return fix.apply_diff(box, checkout.path, payload.diff or "")


def test_after(
    box: "Sandbox",
    checkout: Checkout,
    environment: Environment,
    patch: PatchSummary | None,
    payload: SolutionValidationPayload,
) -> PatchedRun | None:
    """Run the tests with the patch, after installing again if it changed dependencies; None without a patch."""
    if environment.ready is None or patch is None or not patch.applied:
        return None
    setup = None
    if changes_dependencies(patch.files):
        facts = read_facts(box, checkout.path)
        setup = environments.prepare(
            box, checkout.path, facts, environment.ready.ecosystem, timeout_seconds=payload.timeout_seconds
        )
        if not setup.ok:
            return PatchedRun(setup, None)
    run = run_tests(box, checkout.path, environment.ready, timeout_seconds=payload.timeout_seconds)
    return PatchedRun(setup, run)


def conclude(
    payload: SolutionValidationPayload,
    checkout: Checkout,
    environment: Environment,
    before: TestRun | None,
    patch: PatchSummary | None,
    after: PatchedRun | None,
) -> SolutionValidationResult:
    """Put what the steps gave into the task's result. Pure."""
    judgement = _judgement(environment, before, patch, after)
    setup = after.setup if after is not None and after.setup is not None else environment.setup
    return SolutionValidationResult(
        verdict=judgement.verdict,
        explanation=judgement.explanation,
        repo_url=checkout.url,
        ref=payload.ref,
        commit=checkout.commit,
        command=environment.command.display if environment.command else None,
        setup=setup,
        before=before.summary() if before else None,
        patch=patch,
        after=after.run.summary() if after and after.run else None,
        fixed=list(judgement.fixed[:LISTED_TESTS]),
        still_failing=list(judgement.still_failing[:LISTED_TESTS]),
        broken=list(judgement.broken[:LISTED_TESTS]),
    )


def _judgement(
    environment: Environment, before: TestRun | None, patch: PatchSummary | None, after: PatchedRun | None
) -> Judgement:
    if environment.command is None:
        note = environment.setup.note
        return Judgement(Verdict.NO_TESTS, _ended(note[:1].upper() + note[1:]))
    if not environment.setup.ok:
        return Judgement(
            Verdict.SETUP_FAILED,
            f"The tests were never run: what they need could not be installed: {_ended(environment.setup.note)}",
        )
    if before is None or patch is None:
        raise ValueError("the repository was ready, so conclude needs what test_before and apply_fix returned")
    if not patch.applied:
        failing = len(before.failing)
        state = "did not end in time" if before.timed_out else f"had {failing} failing"
        return Judgement(
            Verdict.PATCH_REJECTED,
            f"The patch does not apply to the commit, whose tests {state}: {_ended(patch.message)}",
        )
    if after is None or (after.run is None and after.setup is None):
        raise ValueError("the patch was applied, so conclude needs what test_after returned")
    if after.run is None:
        note = after.setup.note if after.setup else ""
        return Judgement(
            Verdict.SETUP_FAILED,
            f"With the patch, which changes dependencies, they could not be installed: {_ended(note)}",
        )
    return judge(before, after.run)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or "\n" in text else f"{text}."


def validate_solution(
    box: "Sandbox", repositories: "Repositories", payload: SolutionValidationPayload
) -> SolutionValidationResult:
    """Run the whole pathway in an open sandbox and return its result.

    Raises:
        PermanentFault: the repository or the ref does not exist, or the clone broke.
        TransientFault: the repository or the sandbox cannot be reached at the moment.
    """
    checkout = clone(box, repositories, payload)
    environment = set_up(box, checkout, payload)
    before = test_before(box, checkout, environment, payload)
    patch = apply_fix(box, checkout, environment, payload)
    after = test_after(box, checkout, environment, patch, payload)
    return conclude(payload, checkout, environment, before, patch, after)
