"""Runs of the tests on a state of the repository: as the commit has it, with the patch, or with its tests alone.

Each is in a sandbox that nobody used before, and starts from the same ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.environment import prepare
from repo_agent_dagster.pathways.setup.facts import read_facts
from repo_agent_dagster.pathways.setup.opening import Checkout
from repo_agent_dagster.pathways.setup.plan import changes_dependencies
from repo_agent_dagster.pathways.suites.detection import TestCommand
from repo_agent_dagster.pathways.suites.running import run_tests
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation.applying import Applied, apply_patch, inside
from repo_agent_dagster.pathways.validation.comparing import Sighting, fails
from repo_agent_dagster.pathways.validation.ground import Ground, fresh
from repo_agent_dagster.pathways.validation.patch_text import Patch

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

HARNESS = "test_harness.sh"


@dataclass(frozen=True)
class PatchedRun:
    """The tests with the patch or a part of it. `setup` is there when it changed dependencies; `run` is None if those
    could not be installed.
    """

    setup: SetupSummary | None
    run: TestRun | None


@dataclass(frozen=True)
class Trials:
    """What the runs of one task have in common."""

    context: TaskContext
    checkout: Checkout
    command: TestCommand
    ground: Ground
    payload: SolutionValidationPayload

    def run(self, box: "Sandbox", *, only: Sequence[str] | None = None, coverage: bool = False) -> TestRun:
        """Run the tests in a sandbox that has the state to be tried."""
        return run_tests(
            box,
            self.checkout.path,
            self.command,
            timeout_seconds=self.payload.timeout_seconds,
            only=only,
            coverage=coverage,
            harness=self.context.scripts.deliver(box, HARNESS),
        )

    def on_commit(self, only: Sequence[str] | None = None) -> TestRun:
        """Run the tests with these ids, or all, as the commit has them."""
        with fresh(self.context, self.ground) as box:
            return self.run(box, only=only)

    def on_patch(self, patch: Patch, only: Sequence[str] | None = None, *, tests_only: bool = False) -> PatchedRun:
        """Run the tests with these ids, or all, with the patch or with its tests alone."""
        with fresh(self.context, self.ground) as box:
            applied = apply_patch(
                self.context, box, self.checkout, patch,
                declared_tests=self.payload.test_files, tests_only=tests_only,
            )  # fmt: skip
            setup = self.install(box, applied)
            return PatchedRun(setup, None if setup and not setup.ok else self.run(box, only=only))

    def measured(self, box: "Sandbox", patch: Patch, applied: Applied, before: TestRun) -> PatchedRun:
        """Run all tests in a sandbox that has the patch, and measure what they reach.

        Measuring slows tests down and some notice it. So what is not plainly good is run again without.
        """
        setup = self.install(box, applied)
        if setup and not setup.ok:
            return PatchedRun(setup, None)
        run = self.run(box, coverage=True)
        if run.coverage is None or _is_plainly_good(run, before):
            return PatchedRun(setup, run)
        self.context.think("test_after", "not all is well with coverage measured; the tests are run again without")
        plain = self.on_patch(patch)
        return PatchedRun(setup, replace(plain.run, coverage=run.coverage) if plain.run else run)

    def install(self, box: "Sandbox", applied: Applied) -> SetupSummary | None:
        """Install again if the patch changes what the tests depend on; None: it does not."""
        checkout = self.checkout
        if not changes_dependencies([inside(path, checkout) for path in applied.left]):
            return None
        facts, seconds = read_facts(box, checkout.path), self.payload.timeout_seconds
        ecosystem = self.command.ecosystem
        return prepare(box, checkout.path, facts, ecosystem, timeout_seconds=seconds, recipe=checkout.recipe)


def _is_plainly_good(run: TestRun, before: TestRun) -> bool:
    """Whether the run ended well and nothing fails in it, or only what failed before and something else is repaired."""
    if run.timed_out or run.doubts or not run.cases:
        return False
    was, now = Sighting.of(before), Sighting.of(run)
    repaired = any(fails(outcome) and now.outcome(test) == "passed" for test, outcome in was.tests.items())
    return not run.failing or (repaired and all(fails(was.outcome(case.id)) for case in run.failing))
