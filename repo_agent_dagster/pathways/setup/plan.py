"""Decide what must be installed before a repository's tests can run. Pure; `environment` carries it out."""

from collections.abc import Callable
from dataclasses import replace

from repo_agent_dagster.contracts.tasks import RepositoryRecipe
from repo_agent_dagster.pathways.setup.compiled import compiled_steps
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.file_names import decides_setup
from repo_agent_dagster.pathways.setup.node import node_steps
from repo_agent_dagster.pathways.setup.python import python_steps
from repo_agent_dagster.pathways.setup.steps import SetupPlan, Step, Tools
from repo_agent_dagster.pathways.suites.detection import Ecosystem

MAX_FOLDERS = 20
"""Of a repository that is many packages side by side, so many are installed."""
_PYTHON_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
_NODE_FILES = ("package.json",)


def plan_setup(
    facts: RepositoryFacts, ecosystem: Ecosystem, tools: Tools, recipe: RepositoryRecipe | None = None
) -> SetupPlan:
    """Return what is to be installed for the tests of this ecosystem, with the tools that the image has.

    A custom command gets what all of them need, of the folder or of the packages below it. The commands of a recipe
    take the place of all that.
    """
    if recipe is not None and recipe.setup:
        steps = tuple(Step(("bash", "-o", "pipefail", "-c", command), shown=command) for command in recipe.setup)
        return SetupPlan(steps, "the recipe names the commands of the set-up", whole_commit=True)
    parts: list[SetupPlan] = []
    if ecosystem in ("python", "custom"):
        parts += _everywhere(python_steps, facts, tools, _PYTHON_FILES if ecosystem == "custom" else ())
    if ecosystem in ("node", "custom"):
        parts += _everywhere(node_steps, facts, tools, _NODE_FILES if ecosystem == "custom" else ())
    if ecosystem == "custom":
        parts.append(compiled_steps(facts, tools))
    refusal = next((part.refusal for part in parts if part.refusal), "")
    steps = tuple(dict.fromkeys(step for part in parts for step in part.steps))
    remarks = [part.reason for part in parts if part.reason]
    if not steps and not refusal:
        remarks.insert(0, "nothing to install: the repository declares no dependencies")
    return SetupPlan(steps, "; ".join(remarks), refusal, whole_commit=any(part.whole_commit for part in parts))


def _everywhere(
    planned: Callable[[RepositoryFacts, Tools], SetupPlan], facts: RepositoryFacts, tools: Tools, files: tuple[str, ...]
) -> list[SetupPlan]:
    """Plan for the folder worked in or, where that needs nothing, for the folders below that hold one of `files`."""
    here = planned(facts, tools)
    if here.steps or here.refusal or not files:
        return [here]
    parts = []
    for folder in facts.folders_with(*files)[:MAX_FOLDERS]:
        part = planned(facts.at(folder), tools)
        steps = tuple(step if step.anywhere else step.placed(folder) for step in part.steps)
        parts.append(replace(part, steps=steps, reason=f"{folder}: {part.reason}" if part.reason else ""))
    return parts


def changes_dependencies(files: list[str]) -> bool:
    """Whether one of these files can change what must be installed."""
    return any(decides_setup(name) for name in files)
