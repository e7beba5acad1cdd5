"""Decide what must be installed before a repository's tests can run. Pure; `environment` carries it out."""

from repo_agent_dagster.contracts.tasks import RepositoryRecipe
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, decides_setup
from repo_agent_dagster.pathways.setup.node import node_steps
from repo_agent_dagster.pathways.setup.python import python_steps
from repo_agent_dagster.pathways.setup.steps import SetupPlan, Step, Tools
from repo_agent_dagster.pathways.suites.detection import Ecosystem


def plan_setup(
    facts: RepositoryFacts, ecosystem: Ecosystem, tools: Tools, recipe: RepositoryRecipe | None = None
) -> SetupPlan:
    """Return what is to be installed for the tests of this ecosystem, with the tools that the image has.

    A custom command gets what both Python and Node.js need. The commands of a recipe take the place of all that.
    """
    if recipe is not None and recipe.setup:
        steps = tuple(Step(("bash", "-o", "pipefail", "-c", command), shown=command) for command in recipe.setup)
        return SetupPlan(steps, "the recipe names the commands of the set-up", whole_commit=True)
    parts = []
    if ecosystem in ("python", "custom"):
        parts.append(python_steps(facts, tools))
    if ecosystem in ("node", "custom"):
        parts.append(node_steps(facts, tools))
    refusal = next((part.refusal for part in parts if part.refusal), "")
    steps = tuple(step for part in parts for step in part.steps)
    remarks = [part.reason for part in parts if part.reason]
    if not steps and not refusal:
        remarks.insert(0, "nothing to install: the repository declares no dependencies")
    return SetupPlan(steps, "; ".join(remarks), refusal, whole_commit=any(part.whole_commit for part in parts))


def changes_dependencies(files: list[str]) -> bool:
    """Whether one of these files can change what must be installed."""
    return any(decides_setup(name) for name in files)
