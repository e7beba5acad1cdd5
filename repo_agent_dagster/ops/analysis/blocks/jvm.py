"""Maven, Gradle, JUnit and ScalaTest: failed tests, unresolved dependencies, tasks that failed by themselves."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import (
    Block,
    anchors_of,
    own_frame_lines,
    shown,
    stack_in,
    trimmed,
    until,
)
from repo_agent_dagster.ops.analysis.stacks import frame_of, raised

_SUREFIRE = re.compile(
    r"(?:\[ERROR\] )?\s*(?P<test>[\w.$]+(?:\([\w.$]+\)"
    r"|\.[\w\[\]{}$ ,()-]+)?)\s+(?:--\s+)?Time elapsed: [\d.,]+ ?s(?:ec)?\s+<<< (?:FAILURE"
    r"|ERROR)!"
)
_GRADLE_TEST = re.compile(r"(?P<suite>[\w.$ ]{1,200}) > (?P<name>.{1,200}?) FAILED$")
_GOAL = re.compile(
    r"\[ERROR\] Failed to execute goal (?P<what>(?:\S+:\S+(?: \([\w-]+\))? )?on project \S+: (?P<why>.*))"
)
_TESTS_FAILED = re.compile(
    r"There (?:are|were) (?:test failures|failing tests)|COMPILATION ERROR|Compilation failure"
    r"|Compilation failed|compilation failed|See the report at|There were \d+ lint"
    r"|finished with non-zero exit value"
)
_UNRESOLVED = re.compile(
    r"\[ERROR\] (?P<what>(?:\[FATAL\] )?(?:Non-resolvable|Unresolveable|Could not (?:find"
    r"|resolve|transfer)|Unknown lifecycle|The goal you specified|No plugin found"
    r"|'[\w.]+' (?:must|is missing)|Non-parseable|The project ).*)"
)
_WRONG = re.compile(r"\* What went wrong:")
_TASK = re.compile(r"Execution failed for task '(?P<task>[^']+)'")
HINTS = (
    "<<< FAILURE!",
    "<<< ERROR!",
    " FAILED",
    "Failed to execute goal",
    "What went wrong",
    "[ERROR] [FATAL]",
    "[ERROR] Non-",
    "[ERROR] Unknown",
    "[ERROR] 'd",
    "[ERROR] Could",
    "[ERROR] No plugin",
    "[ERROR] The",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test, and one for what failed without a test or a compiler's error."""
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if "<<< " in text and (match := _SUREFIRE.match(text)):
            block = _surefire(texts, index, match["test"])
        elif text.endswith(" FAILED") and (match := _GRADLE_TEST.match(text)):
            block = _gradle_test(texts, index, f"{match['suite']} > {match['name']}")
        elif _WRONG.match(text):
            block = _gradle_failure(texts, index)
        elif text.startswith("[ERROR] Failed to execute goal") and (match := _GOAL.match(text)):
            if not _TESTS_FAILED.search(text):
                end = until(
                    texts,
                    index + 1,
                    lambda line: not line.startswith("[ERROR] ") or "To see the full" in line or "re-run Maven" in line,
                    30,
                )
                block = Block(
                    "maven",
                    index,
                    end,
                    trimmed(texts, range(index, end)),
                    shown(match["why"].removesuffix(" -> [Help 1]")),
                )
        elif text.startswith("[ERROR] ") and (match := _UNRESOLVED.match(text)):
            block = Block("maven", index, index + 1, (index,), shown(match["what"]))
        if block:
            yield block
        index = block.end if block else index + 1


def _surefire(texts: Sequence[str], head: int, test: str) -> Block:
    end = until(
        texts, head + 1,
        lambda line: not line.strip() or line.startswith(("[INFO]", "[ERROR]", "[WARNING]")), 200,
    )  # fmt: skip
    return _with_stack("surefire", texts, head, end, re.sub(r"^(\S+)\((\S+)\)$", r"\2.\1", test.strip()))


def _gradle_test(texts: Sequence[str], head: int, test: str) -> Block:
    end = until(texts, head + 1, lambda line: bool(line.strip()) and not line.startswith("    "), 200)
    return _with_stack("gradle test", texts, head, end, test)


def _with_stack(tool: str, texts: Sequence[str], head: int, end: int, test: str) -> Block:
    picked = [head]
    said = [i for i in range(head + 1, end) if texts[i].strip() and frame_of(texts[i]) is None
            and not texts[i].strip().startswith(("...", "at "))]  # fmt: skip
    picked += said[:40]
    picked += own_frame_lines(texts, head + 1, end)
    headline = texts[said[0]] if said else texts[head]
    frames = stack_in(texts, head + 1, end)
    return Block(
        tool, head, end, trimmed(texts, picked), shown(headline), exception=raised(headline),
        frames=frames, anchors=anchors_of(frames), test=test,
    )  # fmt: skip


def _gradle_failure(texts: Sequence[str], head: int) -> Block | None:
    end = until(
        texts,
        head + 1,
        lambda line: line.startswith(("* Try:", "* Get more", "BUILD FAILED", "* Exception is", "=====")),
        60,
    )
    said = [index for index in range(head + 1, end) if texts[index].strip()]
    if not said or any(_TESTS_FAILED.search(texts[index]) for index in said):
        return None
    reasons = [index for index in said if texts[index].lstrip().startswith("> ")]
    headline = texts[(reasons or said)[-1 if reasons else 0]]
    task = next((match["task"] for index in said if (match := _TASK.search(texts[index]))), None)
    return Block(
        "gradle",
        head,
        end,
        trimmed(texts, [head, *said[:20]]),
        shown(headline.lstrip(" >")),
        command=task and f"gradle {task}",
    )
