"""Which suites of tests a repository has: a runner in a folder, each with its side and kind. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.suites.detection import OTHER_LANGUAGES, TestCommand
from repo_agent_dagster.pathways.suites.hints import Hints
from repo_agent_dagster.pathways.suites.node_suites import node_commands
from repo_agent_dagster.pathways.suites.python_suites import python_commands
from repo_agent_dagster.pathways.suites.sides import Side, side_of

Kind = Literal["unit", "e2e"]


@dataclass(frozen=True)
class Suite:
    """One suite: what it is called, how it is run, and what it tests. `missing` names the tool that is not there."""

    name: str
    command: TestCommand
    side: Side
    kind: Kind
    missing: str = ""


def find_suites(facts: RepositoryFacts, hints: Hints, explicit: str | None = None) -> tuple[Suite, ...]:
    """Return all suites, those of the root first; `explicit`, the task's own command, is the only one if given."""
    if explicit and explicit.strip():
        text = explicit.strip()
        shell = ("bash", "-o", "pipefail", "-c", text)
        command = TestCommand("custom", shell, text, "the task names it", script=text)
        return (Suite("the task's command", command, "unknown", "unit"),)
    found = [
        *((command, kind) for command, kind in python_commands(facts, hints)),
        *((command, kind) for command, kind in node_commands(facts, hints)),
        *((command, "unit") for command in _go(facts)),
        *((command, "unit") for command in _cargo(facts)),
    ]
    suites = [_suite(facts, hints, command, "e2e" if kind == "e2e" else "unit") for command, kind in found]
    return _named_apart(sorted(suites, key=lambda suite: (suite.command.folder.count("/"), suite.command.folder)))


def _suite(facts: RepositoryFacts, hints: Hints, command: TestCommand, kind: Kind) -> Suite:
    label = f"{command.runner} (e2e)" if kind == "e2e" and command.runner != "playwright" else command.runner
    name = f"{command.folder}: {label}" if command.folder else label
    missing = command.runner if command.runner in ("go", "cargo") and command.runner not in hints.tools else ""
    return Suite(name, command, side_of(facts, command), kind, missing)


def _named_apart(suites: list[Suite]) -> tuple[Suite, ...]:
    seen: dict[str, int] = {}
    apart = []
    for suite in suites:
        seen[suite.name] = seen.get(suite.name, 0) + 1
        number = seen[suite.name]
        apart.append(suite if number == 1 else replace(suite, name=f"{suite.name} {number}"))
    return tuple(apart)


def _go(facts: RepositoryFacts) -> list[TestCommand]:
    runner, argv, display = OTHER_LANGUAGES["go.mod"]
    return [
        TestCommand("custom", argv, display, f"there is {name}", runner, _folder(name))
        for name in sorted(facts.files)
        if name.rpartition("/")[2] == "go.mod" and not name.startswith("../")
    ]


def _cargo(facts: RepositoryFacts) -> list[TestCommand]:
    manifests = {_folder(name) for name in facts.files if name.rpartition("/")[2] == "Cargo.toml"}
    # A workspace is run from its outermost manifest.
    roots = [one for one in sorted(manifests) if not any(_is_below(one, other) for other in manifests if other != one)]
    runner, argv, display = OTHER_LANGUAGES["Cargo.toml"]
    return [
        TestCommand("custom", argv, display, "there is a Cargo.toml", runner, folder)
        for folder in roots
        if not folder.startswith("..")
    ]


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _is_below(folder: str, other: str) -> bool:
    return not other or folder.startswith(f"{other}/")
