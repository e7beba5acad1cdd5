"""A model looks for a test that shows the error: one tool a step, in the sandbox, within steps, tokens and seconds.

What it says counts for nothing: a test is kept when it fails with the error sought, by the rules that hold for all
candidates, and as often as the task asks.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from repo_agent_dagster.ai.faults import AiFault
from repo_agent_dagster.ai.prompting import rendered
from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.recreation import ErrorSignature
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.judging import told_in_words
from repo_agent_dagster.pathways.recreation.reading.description import Description
from repo_agent_dagster.pathways.recreation.running import Runner
from repo_agent_dagster.pathways.recreation.searching import Searcher
from repo_agent_dagster.pathways.recreation.survey import Survey
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.ai.provider import Provider
    from repo_agent_dagster.sandbox.sandbox import Sandbox

TEMPLATE = "recreate_error"
COMMAND_SECONDS = 60.0
_MAX_CONTENT = 20_000
_MAX_FILE_BYTES = 1 << 20
_SHOWN_LINES = 200
_SHOWN_CHARACTERS = 4000
_REMEMBERED = 12
_REMEMBERED_CHARACTERS = 600
_LISTED_FILES = 300
_LISTED_MODULES = 80
_LISTED_NAMES = 20
_DESCRIPTION_CHARACTERS = 20_000
_TEST_NAME = re.compile(r"(?:.*/)?(?:test_[\w.-]+(?P<python>\.py)|[\w.-]+\.test(?P<node>\.[cm]?[jt]s))")

Tool = Literal["run", "read", "search", "write_test", "finish"]


class AgentStep(Contract):
    """One step of the model."""

    thought: Annotated[str, Field(max_length=2000)]
    tool: Tool
    command: Annotated[str, Field(max_length=4000, description="run: a shell command.")] = ""
    path: Annotated[str, Field(max_length=300, description="read: a file; write_test: the test's name.")] = ""
    line: Annotated[int, Field(description="read: the first line that is shown.")] = 1
    pattern: Annotated[str, Field(max_length=500, description="search: an extended regular expression.")] = ""
    content: Annotated[str, Field(max_length=_MAX_CONTENT, description="write_test: the whole file.")] = ""


@dataclass(frozen=True)
class TakenStep:
    """A step and what came of it, as the model is shown it later."""

    number: int
    tool: Tool
    asked: str
    answer: str


def problems_of(step: AgentStep) -> Sequence[str]:
    """Return what is wrong with a step, in words for the model."""
    needed = {"run": "command", "read": "path", "search": "pattern", "write_test": "content"}.get(step.tool)
    found = [] if needed is None or getattr(step, needed).strip() else [f"{needed}: {step.tool} needs it"]
    if step.tool in ("read", "write_test") and step.path:
        path = posixpath.normpath(step.path)
        if path.startswith(("/", "..")) or "\0" in path or path.split("/")[0] == ".git":
            found.append(f"path: {step.path!r} is not a path inside the repository")
    if step.tool == "write_test" and not _TEST_NAME.fullmatch(step.path):
        found.append(f"path: {step.path!r} is no test's name; use test_….py, ….test.mjs or ….test.cjs")
    return found


class Agent:
    """Takes a model's steps, one after the other, until one shows the error or the budget ends."""

    def __init__(
        self,
        context: TaskContext,
        box: "Sandbox",
        runner: Runner,
        searcher: Searcher,
        description: Description,
        signature: ErrorSignature,
        survey: Survey,
    ) -> None:
        self._context = context
        self._box = box
        self._runner = runner
        self._searcher = searcher
        self._description = description
        self._signature = signature
        self._survey = survey
        self._taken: list[TakenStep] = []

    def look(self, provider: "Provider", *, max_steps: int) -> bool:
        """Return whether a test was found that shows the error each time; any fault of the model ends the search."""
        think = self._context.think
        for number in range(1, max_steps + 1):
            try:
                prompt = self._prompt(max_steps - number + 1)
                step = provider.propose(AgentStep, prompt, agent=TEMPLATE, judge=problems_of).value
            except AiFault as fault:
                think("reproduce", f"the model is asked no further, what the rules gave stands: {fault}")
                return False
            if step.tool == "finish":
                think("reproduce", f"the model gives up: {step.thought}")
                return False
            answer, is_found = self._take(step, number)
            think("reproduce", f"model step {number}: {step.tool} ({step.thought[:300]})")
            if is_found:
                return True
            self._taken.append(TakenStep(number, step.tool, _asked(step), redact(answer)))
        think("reproduce", f"the model has used its {max_steps} steps")
        return False

    def _prompt(self, left: int) -> str:
        survey = self._survey
        modules = sorted(survey.modules, key=lambda name: (name.count("."), name))[:_LISTED_MODULES]
        return rendered(
            TEMPLATE,
            {
                "description": self._description.text[:_DESCRIPTION_CHARACTERS],
                "sought": told_in_words(self._signature),
                "files": sorted(survey.files, key=lambda name: (name.count("/"), name))[:_LISTED_FILES],
                "modules": {name: sorted(survey.modules[name])[:_LISTED_NAMES] for name in modules},
                "attempts": self._searcher.search.attempts[-_LISTED_NAMES:],
                "transcript": _remembered(self._taken),
                "left": left,
                "network": self._box.network_policy in ("full", "allowlist"),
            },
        )

    def _take(self, step: AgentStep, number: int) -> tuple[str, bool]:
        if step.tool == "run":
            return self._command(["bash", "-c", step.command]), False
        if step.tool == "search":
            return self._command(["git", "grep", "-n", "-I", "-E", "-e", step.pattern]), False
        if step.tool == "read":
            return self._read(step.path, step.line), False
        return self._try(step, number)

    def _command(self, argv: list[str]) -> str:
        run = self._runner.run_file("", "", argv, timeout_seconds=min(COMMAND_SECONDS, self._runner.timeout_seconds))
        ended = "did not end in time" if run.timed_out else f"exit code {run.exit_code}"
        return f"{ended}\n{_cut(run.output)}"

    def _read(self, path: str, line: int) -> str:
        try:
            content = self._box.get(posixpath.join(self._runner.place.path, path), max_bytes=_MAX_FILE_BYTES)
        except SandboxFileError as error:
            return str(error)
        lines = content.decode("utf-8", "replace").splitlines()
        first = max(line, 1)
        shown = [f"{number:>5}| {text[:300]}" for number, text in enumerate(lines, 1)][first - 1 :][:_SHOWN_LINES]
        return "\n".join([f"{len(lines)} lines", *shown])

    def _try(self, step: AgentStep, number: int) -> tuple[str, bool]:
        named = _TEST_NAME.fullmatch(step.path)
        suffix = (named["python"] or named["node"]) if named else ".py"
        candidate = Candidate(f"model step {number}", "test", step.content, suffix, is_told=False)
        match = self._searcher.attempt(candidate)
        output = _cut(self._searcher.search.outputs[-1])
        if not match.is_shown:
            return f"{match.outcome}: not the error sought\n{output}", False
        if not (match.is_in_repository and self._uses_repository(step.content)):
            return f"it fails alike, but no code of the repository raises it; that does not count\n{output}", False
        found = self._searcher.repeat(candidate, match)
        if found.is_certain:
            return output, True
        return f"it showed the error in {found.happened} of {found.runs} runs only; make it certain\n{output}", False

    def _uses_repository(self, text: str) -> bool:
        names = [*self._survey.packages, self._survey.node_package]
        return any(name and re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text) for name in names) or bool(
            re.search(r"""(?:from|require\()\s*['"]\.{1,2}/""", text)
        )


def _asked(step: AgentStep) -> str:
    asked = {"run": step.command, "search": step.pattern, "read": step.path, "write_test": step.content}
    return f"{step.thought}\n\n{asked.get(step.tool, '')}"


def _remembered(taken: list[TakenStep]) -> list[TakenStep]:
    """Return the steps as they are shown: the last ones whole, of those before only the beginning of what came."""
    late = len(taken) - _REMEMBERED // 2
    return [
        step
        if index >= late
        else TakenStep(
            step.number, step.tool, step.asked[:_REMEMBERED_CHARACTERS], step.answer[:_REMEMBERED_CHARACTERS]
        )
        for index, step in enumerate(taken)
    ][-_REMEMBERED:]


def _cut(text: str) -> str:
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    half = _SHOWN_CHARACTERS // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"
