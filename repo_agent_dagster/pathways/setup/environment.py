"""Make a repository's tests runnable: install what they need, with network only if something is to be installed."""

import shlex
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.plan import VENV, plan_setup
from repo_agent_dagster.pathways.suites.detection import Ecosystem
from repo_agent_dagster.sandbox.spec import SandboxSpecError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

OUTPUT_TAIL_CHARACTERS = 1500

TEST_ENVIRONMENT = {
    # The virtual environment goes first; where none was made, the folder does not exist and the image's Python runs.
    "PATH": f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin",
    "CI": "true",
}
"""What test commands find in their environment besides the sandbox's own."""


def prepare(
    box: "Sandbox", path: str, facts: RepositoryFacts, ecosystem: Ecosystem, *, timeout_seconds: float
) -> SetupSummary:
    """Install what the tests of the clone at `path` need; a failure is told in the summary, not raised.

    `timeout_seconds` is for each command.
    """
    plan = plan_setup(facts, ecosystem)
    if not plan.commands:
        return SetupSummary(
            ok=True,
            ecosystem=ecosystem,
            commands=[],
            used_network=False,
            duration_seconds=0,
            note=f"{plan.reason}; the network stayed off",
        )
    ran: list[str] = []
    seconds, problem = 0.0, None
    try:
        with box.network():
            for command in plan.commands:
                ran.append(shlex.join(command))
                result = box.exec(command, cwd=path, timeout_seconds=timeout_seconds)
                seconds += result.duration_seconds
                if not result.ok:
                    how = "did not end in time" if result.timed_out else f"ended with exit code {result.exit_code}"
                    problem = f"`{ran[-1]}` {how}:\n{result.output.strip()[-OUTPUT_TAIL_CHARACTERS:]}"
                    break
    except SandboxSpecError as error:
        problem = f"{plan.reason}, but this sandbox has no network to install them with: {error}"
    return SetupSummary(
        ok=problem is None,
        ecosystem=ecosystem,
        commands=ran,
        used_network=bool(ran),
        duration_seconds=round(seconds, 3),
        note=(problem or plan.reason).replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )
