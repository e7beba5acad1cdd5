"""Candidates: what might make the described error happen, made of the description, the nearest first. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from repo_agent_dagster.contracts.recreation import CandidateKind, ErrorSignature
from repo_agent_dagster.pathways.recreation.reading.blocks import CodeBlock, parses_as_python, shell_commands
from repo_agent_dagster.pathways.recreation.reading.description import Description
from repo_agent_dagster.pathways.recreation.reading.expectations import Expectation
from repo_agent_dagster.pathways.recreation.reading.shown_errors import shown_errors
from repo_agent_dagster.pathways.recreation.snippets.node_scripts import asserting_node, runnable_node
from repo_agent_dagster.pathways.recreation.snippets.python_assertions import asserting_python
from repo_agent_dagster.pathways.recreation.snippets.python_scripts import (
    Snippet,
    mended_python,
    python_test,
    runnable_python,
)
from repo_agent_dagster.pathways.recreation.survey import Survey

MAX_CANDIDATES = 20
TESTS_BY_WORDS = 3
MAX_TEXT = 60_000

_REPRODUCES = re.compile(
    r"\brepro\w*|\bminimal\b|\bMWE\b|\bMRE\b|\bsteps\b|\bexample\b|\bsnippet\b|\bto trigger\b", re.IGNORECASE
)
_REPAIRS = re.compile(
    r"\bfix(?:ed|es)?\b|\bwork-?around\b|\bpatch\b|\bproposed\b|\binstead use\b|\bworks\b", re.IGNORECASE
)
_NOTHING_TO_RUN = re.compile(
    r"^(?:sudo |apt|brew |conda |(?:python3? -m )?pip3? (?:install|uninstall|freeze|show|list)|uv (?:pip|sync|add|venv)"
    r"|npm (?:i|ci|install|init)\b|yarn (?:add|install)|pnpm (?:add|i|install)|git |cd |export PATH|source |\. |docker "
    r"|curl |wget |virtualenv |python3? -m venv"
    r"|(?:python3?|node|npm|pip3?) (?:--version|-V|-v)$|uname|cat |ls\b|mkdir |vim? |nano |code )"
)
_TEST_COMMAND = re.compile(r"^(?:python3? -m )?(?:py\.test|pytest)\b(?P<arguments>.*)$")
_NODE_TEST_COMMAND = re.compile(r"^node (?:--\S+ )*--test (?:--\S+ )*(?P<file>[\w./-]+)$")
_WORD = re.compile(r"[a-z]{4,}")
_COMMON_WORDS = frozenset(
    {"test", "tests", "with", "when", "that", "this", "from", "does", "should", "error", "raises", "returns", "value"}
)


@dataclass(frozen=True)
class Candidate:
    """Something to run. `text` is a script, shell commands, or, of a test of the repository, its id.

    `is_told` says that the description itself gives it: if the error does not come, that means something. `keeps` are
    the parts of the text that have to stay for it to mean the same. `repairs` are what was changed in it to make it
    run. `files` are written beside it.
    """

    origin: str
    kind: CandidateKind
    text: str
    suffix: str = ""
    is_told: bool = True
    is_asserting: bool = False
    keeps: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ranked:
    rank: float
    candidate: Candidate


def build_candidates(
    description: Description, signature: ErrorSignature, expectation: Expectation | None, survey: Survey
) -> list[Candidate]:
    """Return at most `MAX_CANDIDATES`, the most promising first; none is there twice."""
    files = _named_files(description, survey)
    ranked = [
        *_python_scripts(description, expectation, survey),
        *_node_scripts(description, expectation, survey),
        *_commands(description, survey),
        *_named_tests(description, survey),
        *_rebuilt_calls(description, survey),
        *_tests_by_words(description, survey),
    ]
    ordered = sorted(ranked, key=lambda one: -one.rank)
    found: dict[tuple[str, str], Candidate] = {}
    for one in ordered:
        candidate = replace(one.candidate, files=files)
        if candidate.text.strip() and len(candidate.text) <= MAX_TEXT:
            found.setdefault((candidate.kind, candidate.text.strip()), candidate)
    return list(found.values())[:MAX_CANDIDATES]


def _weight(block: CodeBlock) -> float:
    weight = 1.5 if _REPRODUCES.search(block.label) else 0.0
    if _REPAIRS.search(block.label) or block.is_expected:
        weight -= 2.5
    return weight - block.number / 100


def _python_scripts(description: Description, expectation: Expectation | None, survey: Survey) -> Iterator[_Ranked]:
    blocks = description.of_kind("python", "python_session")
    for block in blocks:
        rank = 6 + _weight(block)
        yield from _python(block.text, f"code block {block.number}", rank, expectation, survey)
    if len(blocks) > 1:
        text = "\n".join(mended_python(block.text).text for block in blocks if _weight(block) > -1)
        yield from _python(text, "code blocks joined", 5.5, expectation, survey)
    if expectation is not None and expectation.expression and not description.of_kind("node", "node_session"):
        yield from _python(expectation.expression, f"expression in the {expectation.source}", 4.5, expectation, survey)
    if not blocks:
        for number, code in enumerate(description.inline_code, 1):
            if re.fullmatch(r"[\w.]+\(.*\)", code) and parses_as_python(code):
                yield from _python(code, f"code in the prose {number}", 3.5, expectation, survey)


def _python(text: str, origin: str, rank: float, expectation: Expectation | None, survey: Survey) -> Iterator[_Ranked]:
    if len(text) > MAX_TEXT:
        return
    mended = mended_python(text)
    is_test = bool(re.search(r"^\s*(?:async )?def test_|^class Test|unittest\.TestCase", mended.text, re.MULTILINE))
    asserts = expectation is not None and expectation.is_assertion
    if expectation is not None and not expectation.is_assertion and not is_test:
        asserted = asserting_python(mended.text, expectation)
        if asserted is not None:
            script = runnable_python(Snippet(asserted.text, mended.repairs), survey)
            repairs = (*script.repairs, "added what is expected as an assertion")
            yield _Ranked(
                rank + 0.5,
                Candidate(
                    origin, "python", script.text, ".py", is_asserting=True, keeps=asserted.keeps, repairs=repairs
                ),
            )
        return
    script = runnable_python(mended, survey)
    text = script.text
    if asserts and not is_test and parses_as_python(text):
        # pytest tells the values that an assertion compares: by them one failure is known from another.
        text, is_test = python_test(text, "as_described"), True
    kind: CandidateKind = "test" if is_test else "python"
    yield _Ranked(rank, Candidate(origin, kind, text, ".py", is_asserting=asserts, repairs=script.repairs))


def _node_scripts(description: Description, expectation: Expectation | None, survey: Survey) -> Iterator[_Ranked]:
    blocks = description.of_kind("node", "node_session")
    for block in blocks:
        yield from _node(
            block.text, block.suffix, f"code block {block.number}", 6 + _weight(block), expectation, survey
        )
    if len(blocks) > 1:
        text = "\n".join(
            runnable_node(block.text, block.suffix, Survey()).text for block in blocks if _weight(block) > -1
        )
        yield from _node(text, blocks[0].suffix, "code blocks joined", 5.5, expectation, survey)


def _node(
    text: str, suffix: str, origin: str, rank: float, expectation: Expectation | None, survey: Survey
) -> Iterator[_Ranked]:
    if len(text) > MAX_TEXT:
        return
    script = runnable_node(text, suffix, survey)
    is_test = bool(re.search(r"^\s*(?:test|it|describe)\(", script.text, re.MULTILINE)) and "node:test" in script.text
    repairs, made = script.repairs, script.text
    keeps: tuple[str, ...] = ()
    if expectation is not None and not expectation.is_assertion and not is_test:
        asserted = asserting_node(script.text, script.suffix, expectation)
        if asserted is None:
            return
        made, keeps = asserted
        repairs = (*repairs, "added what is expected as an assertion")
    yield _Ranked(
        rank,
        Candidate(
            origin,
            "test" if is_test else "node",
            made,
            script.suffix,
            is_asserting=expectation is not None,
            keeps=keeps,
            repairs=repairs,
        ),
    )


def _commands(description: Description, survey: Survey) -> Iterator[_Ranked]:
    for block in description.of_kind("shell", "shell_session"):
        commands = [command for line in shell_commands(block) if (command := _in_clone(line))]
        for command in commands:
            yield from _test_command(command, f"command in code block {block.number}", survey)
        if commands:
            origin = f"commands of code block {block.number}"
            yield _Ranked(5 + _weight(block), Candidate(origin, "shell", "\n".join(commands), ".sh"))
    for code in description.inline_code:
        command = _in_clone(code)
        if command and re.match(r"(?:python3?|node|pytest|npm (?:run|test)|npx) \S", command):
            yield from _test_command(command, f"command `{code}`", survey)
            yield _Ranked(4, Candidate(f"command `{code}`", "shell", command, ".sh"))


def _in_clone(command: str) -> str:
    """Return a command without changes of folder and what only installs or looks; empty if nothing is left."""
    parts = [part.strip() for part in re.split(r"\s*&&\s*", command)]
    return " && ".join(part for part in parts if part and not _NOTHING_TO_RUN.match(part))


def _test_command(command: str, origin: str, survey: Survey) -> Iterator[_Ranked]:
    if match := _TEST_COMMAND.match(command):
        for word in match["arguments"].split():
            if word.partition("::")[0] in survey.files:
                yield _Ranked(5.6, Candidate(origin, "test", word))
    elif (match := _NODE_TEST_COMMAND.match(command)) and match["file"].removeprefix("./") in survey.files:
        yield _Ranked(5.6, Candidate(origin, "test", match["file"].removeprefix("./")))


def _named_tests(description: Description, survey: Survey) -> Iterator[_Ranked]:
    words = set(re.findall(r"[\w./:\[\]-]+", description.text))
    for test in survey.tests:
        name = test.id.rpartition("::")[2]
        if test.id in words or (name in words and name.startswith("test_")):
            yield _Ranked(5.2, Candidate(f"test {test.id} named in the description", "test", _runnable_id(test.id)))


def _tests_by_words(description: Description, survey: Survey) -> Iterator[_Ranked]:
    told = set(_WORD.findall(description.text.lower())) - _COMMON_WORDS
    titled = set(_WORD.findall(description.title.lower())) - _COMMON_WORDS
    scored: list[tuple[int, str]] = []
    for test in survey.tests:
        words = set(_WORD.findall(test.id.rpartition("::")[2].lower().replace("_", " "))) - _COMMON_WORDS
        score = len(words & told) + len(words & titled)
        if score >= 2:  # one word in common is chance
            scored.append((score, test.id))
    for score, test_id in sorted(scored, key=lambda one: (-one[0], one[1]))[:TESTS_BY_WORDS]:
        origin = f"test {test_id}, whose words fit the description"
        yield _Ranked(1 + score / 100, Candidate(origin, "test", _runnable_id(test_id), is_told=False))


def _runnable_id(test_id: str) -> str:
    """Return what its runner takes: node:test runs files, so of its tests the file is taken."""
    file = test_id.partition("::")[0]
    return test_id if file.endswith(".py") else file


def _rebuilt_calls(description: Description, survey: Survey) -> Iterator[_Ranked]:
    for error in shown_errors(description.text):
        frames = error.frames
        inner = next((number for number, frame in enumerate(frames) if survey.file_of(frame.file)), None)
        if inner is None:
            continue
        caller, called = (frames[inner - 1] if inner else None), frames[inner]
        called_file = survey.file_of(called.file) or ""
        if caller is not None and caller.source and parses_as_python(caller.source):
            script = runnable_python(mended_python(caller.source), survey)
            repairs = (*script.repairs, "rebuilt from the line of the traceback that calls the repository")
            yield _Ranked(
                3, Candidate("call in the traceback", "python", script.text, ".py", is_told=False, repairs=repairs)
            )
        if called.function == "<module>" and called_file.endswith(".py") and inner == 0:
            yield _Ranked(
                2.5, Candidate(f"script {called_file} of the traceback", "shell", f"python3 {called_file}", ".sh")
            )
        test_id = next((one.id for one in survey.tests if one.id.endswith(f"::{called.function}")), None)
        if test_id is not None and called_file:
            yield _Ranked(4.8, Candidate(f"test {test_id} of the traceback", "test", _runnable_id(test_id)))
        if inner == 0 and called.function.isidentifier() and called_file.endswith(".py"):
            yield from _bare_call(called.function, survey)


def _bare_call(function: str, survey: Survey) -> Iterator[_Ranked]:
    modules = survey.modules_with(function)
    if modules:
        text = f"from {modules[0]} import {function}\n\n{function}()"
        origin = f"call of {function}() without arguments, the outermost frame of the traceback"
        yield _Ranked(2, Candidate(origin, "python", text, ".py", is_told=False))


def _named_files(description: Description, survey: Survey) -> dict[str, str]:
    """Return the files that the description shows whole and the repository does not have."""
    return {
        block.file: f"{block.text}\n"
        for block in description.blocks
        if block.file and block.file not in survey.files and block.kind not in ("traceback", "shell_session")
    }


def kinds_of(candidates: Sequence[Candidate]) -> str:
    """Return how many candidates of which kind there are, in words."""
    counts: dict[str, int] = {}
    for candidate in candidates:
        counts[candidate.kind] = counts.get(candidate.kind, 0) + 1
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"
