"""Make a repository's tests runnable: install what they need, with network only if something is to be installed."""

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import RepositoryRecipe
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.plan import plan_setup
from repo_agent_dagster.pathways.setup.steps import TEST_ENVIRONMENT, SetupPlan, Step, Tools
from repo_agent_dagster.pathways.suites.detection import Ecosystem
from repo_agent_dagster.sandbox.spec import SandboxSpecError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

__all__ = ["TEST_ENVIRONMENT", "carry_out", "prepare", "read_tools"]

OUTPUT_TAIL_CHARACTERS = 1500
_QUICK_SECONDS = 60
_LOOK = """
python3 -c 'import sys; print("python", *sys.version_info[:2])' 2>/dev/null || true
for name in uv npm npx pnpm yarn corepack go cargo; do if command -v "$name" >/dev/null; then echo "$name"; fi; done
"""
# What package managers keep for next time: nobody asks for it again here, and it counts against the memory.
_CLEAR = "rm -rf ~/.cache/uv ~/.cache/pip ~/.cache/yarn ~/.npm/_cacache ~/.npm/_logs ~/.local/share/pnpm/store"


def prepare(
    box: "Sandbox",
    path: str,
    facts: RepositoryFacts,
    ecosystem: Ecosystem,
    *,
    timeout_seconds: float,
    recipe: RepositoryRecipe | None = None,
) -> SetupSummary:
    """Install what the tests of the clone at `path` need; a failure is told in the summary, not raised.

    `timeout_seconds` is for each command.
    """
    plan = plan_setup(facts, ecosystem, read_tools(box), recipe)
    return carry_out(box, path, plan, ecosystem, timeout_seconds=timeout_seconds)


def read_tools(box: "Sandbox") -> Tools:
    """Find out which tools the sandbox's image has."""
    found = box.exec(["sh", "-c", _LOOK], cwd="/", timeout_seconds=_QUICK_SECONDS).stdout
    version = re.search(r"^python (\d+) (\d+)$", found, re.MULTILINE)
    python = (int(version[1]), int(version[2])) if version else None
    return Tools(python, frozenset(line for line in found.split() if line.isalpha()) - {"python"})


@dataclass
class _Progress:
    ran: list[str] = field(default_factory=list)
    seconds: float = 0.0
    remarks: list[str] = field(default_factory=list)


def carry_out(
    box: "Sandbox", path: str, plan: SetupPlan, ecosystem: Ecosystem, *, timeout_seconds: float
) -> SetupSummary:
    """Run a plan's commands in the clone at `path`; a failure is told in the summary, not raised."""
    progress = _Progress()
    problem: str | None = plan.refusal or None
    if plan.steps and problem is None:
        try:
            with box.network():
                problem = _run_all(box, path, plan, timeout_seconds, progress)
            box.exec(["sh", "-c", _CLEAR], cwd="/", timeout_seconds=_QUICK_SECONDS)
        except SandboxSpecError as error:
            needless = all(step.optional for step in plan.steps)
            remark = f"{plan.reason}, but this sandbox has no network to install them with: {error}"
            progress.remarks += [remark] if needless else []
            problem = None if needless else remark
    note = problem or "; ".join([plan.reason, *progress.remarks])
    return SetupSummary(
        ok=problem is None,
        ecosystem=ecosystem,
        commands=progress.ran,
        used_network=bool(progress.ran),
        duration_seconds=round(progress.seconds, 3),
        note=(note if plan.steps or problem else f"{note}; the network stayed off").replace(
            "\0", "\N{REPLACEMENT CHARACTER}"
        ),
    )


def _run_all(box: "Sandbox", path: str, plan: SetupPlan, timeout_seconds: float, progress: _Progress) -> str | None:
    """Run the steps in order; return what went wrong with the first that may not fail."""
    for first in plan.steps:
        step: Step | None = first
        while step is not None:
            problem = _run(box, path, step, timeout_seconds, progress)
            if problem is None:
                break
            if problem.final or step.otherwise is None or not _refused(step, problem.output):
                if not step.optional:
                    # A remark that tells of a replacement says nothing where there was none.
                    tells = step.remark and step.otherwise is None
                    return f"{step.remark}: {problem.message}" if tells else problem.message
                progress.remarks.append(f"it went on without `{step.display}`, which failed")
                break
            progress.remarks += [step.remark] if step.remark else []
            step = step.otherwise
    return None


@dataclass(frozen=True)
class _Problem:
    """Why a command failed; `final`: nothing else would fare better."""

    message: str
    output: str
    final: bool


def _refused(step: Step, output: str) -> bool:
    return not step.refusals or any(text in output for text in step.refusals)


def _run(box: "Sandbox", path: str, step: Step, timeout_seconds: float, progress: _Progress) -> _Problem | None:
    progress.ran.append(step.display)
    folder = posixpath.normpath(posixpath.join(path, step.folder))
    env = {**TEST_ENVIRONMENT, **step.env}
    result = box.exec(step.argv, cwd=folder, env=env, timeout_seconds=timeout_seconds)
    progress.seconds += result.duration_seconds
    if result.ok:
        return None
    cause = result.met_limit
    how = "did not end in time" if result.timed_out else f"ended with exit code {result.exit_code}"
    output = result.output.strip()[-OUTPUT_TAIL_CHARACTERS:]
    message = f"`{step.display}` {how}{f': {cause}' if cause else ''}:\n{output}"
    return _Problem(message, result.output, final=bool(cause) or result.timed_out)
