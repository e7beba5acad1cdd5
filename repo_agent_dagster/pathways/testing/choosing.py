"""Which suites, and which tests of them, a task is about: by its mode, and by the words of its prompts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repo_agent_dagster.contracts.tasks import TestingPayload
from repo_agent_dagster.contracts.testing import TestMode
from repo_agent_dagster.pathways.suites.finding import Suite
from repo_agent_dagster.pathways.testing.words import Candidate, matching


@dataclass(frozen=True)
class Chosen:
    """What is run. `only` holds ids of tests by the suite's name, for suites of which not all are run.

    `remarks` are sentences on what was left out, and why.
    """

    suites: tuple[Suite, ...]
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def selected(self) -> tuple[str, ...]:
        """The tests that words led to, the best of each suite first."""
        return tuple(dict.fromkeys(test for suite in self.suites for test in self.only.get(suite.name, ())))


def choose(suites: Sequence[Suite], mode: TestMode) -> Chosen:
    """Return the suites that a mode is about. The back end is all that is not known to be the front end."""
    taken = [suite for suite in suites if _is_in(suite, mode)]
    left = [suite.name for suite in suites if suite not in taken]
    remarks = (f"Left out by test mode {mode}: {', '.join(left)}.",) if left else ()
    return Chosen(tuple(taken), remarks=remarks)


def _is_in(suite: Suite, mode: TestMode) -> bool:
    if mode == "both" or suite.name == "the task's command":
        return True
    if mode in ("unit", "e2e"):
        return suite.kind == mode
    return (suite.side == "frontend") == (mode == "frontend")


def has_prompt(payload: TestingPayload) -> bool:
    """Whether the task says in words what is to be tested."""
    return bool(payload.frontend_prompt.strip() or payload.backend_prompt.strip())


def narrow(chosen: Chosen, payload: TestingPayload, candidates: Sequence[Candidate]) -> Chosen:
    """Return only the tests that the prompts' words lead to; a side without a prompt stays whole."""
    suites: list[Suite] = []
    only: dict[str, tuple[str, ...]] = {}
    remarks = list(chosen.remarks)
    prompts = {True: payload.frontend_prompt.strip(), False: payload.backend_prompt.strip()}
    for is_front, prompt in prompts.items():
        side = "front" if is_front else "back"
        ours = [suite for suite in chosen.suites if (suite.side == "frontend") == is_front]
        if not prompt:
            suites += ours
            continue
        if not ours:
            remarks.append(f"There is no {side}-end suite for the {side}-end prompt.")
            continue
        found = 0
        for suite in ours:
            best = matching(prompt, [one for one in candidates if _holds(suite, one)])
            if best:
                suites.append(suite)
                only[suite.name] = tuple(one.id for one in best)
                found += len(best)
        remarks.append(
            f"No model is configured, so the {side}-end prompt was matched to existing tests by words: {found} match."
            if found
            else f"No model is configured, and no existing {side}-end test shares a word with the prompt."
        )
    return Chosen(tuple(suites), only, tuple(remarks))


def _holds(suite: Suite, one: Candidate) -> bool:
    folder = suite.command.folder
    if folder and not one.file.startswith(f"{folder}/"):
        return False
    if suite.command.ecosystem == "custom":
        return True
    return (suite.command.ecosystem == "python") == one.file.endswith(".py")


def ids_to_run(suite: Suite, ids: Sequence[str]) -> list[str]:
    """Return ids as the suite's runner may name them: from the clone's folder, and from the suite's own."""
    folder = suite.command.folder
    return list(dict.fromkeys([*ids, *(one.removeprefix(f"{folder}/") for one in ids if folder)]))
