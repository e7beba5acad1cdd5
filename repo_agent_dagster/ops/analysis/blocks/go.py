"""Go: failed tests, packages that do not build, data races, test binaries that ran out of time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, shown, trimmed, until
from repo_agent_dagster.ops.analysis.blocks.go_races import RACED, race_at
from repo_agent_dagster.ops.analysis.blocks.traces import panic_at
from repo_agent_dagster.ops.analysis.model import Anchor

_FAIL = re.compile(r"(?P<indent>\s*)--- FAIL: (?P<test>\S+) \([\d.]+s\)")
_OTHER = re.compile(
    r"\s*(?:--- (?:PASS|SKIP|FAIL|BENCH)|=== (?:RUN|PAUSE|CONT|NAME)|ok\s|FAIL\b|PASS$|panic: |exit status)"
)
_VERDICT = re.compile(r"(?P<indent>\s*)--- (?P<verdict>PASS|FAIL|SKIP): ")
_RUN = re.compile(r"=== (?:RUN|CONT|NAME)\s+(?P<test>\S+)")
_MESSAGE = re.compile(r"\s+(?P<file>[\w./-]{1,200}\.go):(?P<line>\d+): ?(?P<what>.*)")
_FIELD = re.compile(r"\s+(?P<name>Error|Error Trace|Messages|Test):\s+(?P<what>.*)")
_DEPENDENCY = re.compile(
    r"go: (?!downloading|finding|extracting|added|upgraded|downgraded|warning)\S.*"
    r"|(?:\S+\.go:\d+:\d+: )?(?:no required module provides package|missing go\.sum entry|cannot find module).*"
    r"|verifying \S+: (?:checksum mismatch|.*)"
)
_RACE = re.compile(r"WARNING: DATA RACE")
HINTS = ("--- FAIL:", "\ngo: ", "DATA RACE", "go.sum", "no required module")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed test (its innermost subtest) and each fault of the modules."""
    index = 0
    raced = False
    while index < len(texts):
        text = texts[index]
        block = None
        if "--- FAIL:" in text and (match := _FAIL.match(text)):
            block = _test(texts, index, match)
            if block and raced and block.headline.startswith(RACED):  # the race itself is told already
                index = block.end
                continue
        elif _RACE.match(text):
            block = race_at(texts, index)
            raced = True
        elif text.startswith(("go: ", "verifying ")) and _DEPENDENCY.match(text):
            end = until(texts, index + 1, lambda line: not line.startswith(("\t", "go: ", "  ", "verifying ")), 30)
            picked = [i for i in range(index, end) if not texts[i].startswith("go: downloading")]
            block = Block("go", index, end, trimmed(texts, picked), shown(text.removeprefix("go: ")))
        if block:
            yield block
        index = block.end if block else index + 1


def _test(texts: Sequence[str], head: int, match: re.Match[str]) -> Block | None:
    if panic := panic_at(texts, head + 1):  # the test did not fail, it ended its whole package
        return replace(panic, tool="go test", start=head, test=match["test"], rank=Rank.VERDICT, is_trace=False)
    end = until(texts, head + 1, lambda line: bool(_OTHER.match(line)) or not line.startswith((" ", "\t")), 200)
    picked = [head, *range(head + 1, end)]
    if end == head + 1:  # with -v the messages come before the verdict
        picked += _spoken_before(texts, head, match["test"])
    lines = sorted(picked)
    said = [m for i in lines if (m := _MESSAGE.match(texts[i]))]
    if _has_failed_subtest(texts, end, len(match["indent"])) and not (end > head + 1 and said):
        return None  # it failed because of its subtest
    headline = said[0]["what"] if said and said[0]["what"].strip() else ""
    headline = _told_by_testify(texts, lines) or headline
    if not headline:
        headline = next((texts[i] for i in lines if i > head and texts[i].strip() and not _MESSAGE.match(texts[i])), "")
    anchors = tuple(dict.fromkeys(Anchor(m["file"], int(m["line"])) for m in said))[:5]
    return Block(
        "go test",
        head,
        end,
        trimmed(texts, picked),
        shown(headline or texts[head]),
        anchors=anchors,
        test=match["test"],
    )


def _has_failed_subtest(texts: Sequence[str], start: int, depth: int) -> bool:
    for index in range(start, min(len(texts), start + 300)):
        below = _VERDICT.match(texts[index])
        if below is None and texts[index].startswith((" ", "\t")):
            continue
        if below is None or len(below["indent"]) <= depth:
            return False
        if below["verdict"] == "FAIL":
            return True
    return False


def _told_by_testify(texts: Sequence[str], lines: Sequence[int]) -> str:
    """Return the field Error of a failed assertion, whose values may stand in the lines below it."""
    told: list[str] = []
    for index in lines:
        field = _FIELD.match(texts[index])
        if field is not None and (told or field["name"] == "Error"):
            if told:
                break
            told.append(field["what"].strip())
        elif told and (len(told) == 4 or texts[index].strip() == "Diff:" or _OTHER.match(texts[index])):
            break
        elif told:
            told.append(texts[index].strip())
    return " ".join(part for part in told if part)


def _spoken_before(texts: Sequence[str], head: int, test: str) -> list[int]:
    """Return the test's own messages above its verdict, back to where it was running."""
    found: list[int] = []
    for index in range(head - 1, max(-1, head - 120), -1):
        if (match := _RUN.match(texts[index])) and match["test"] == test:
            start = index + 1
            spoken = [i for i in range(start, head) if texts[i].startswith((" ", "\t")) and not _OTHER.match(texts[i])]
            found = spoken
            break
    return found
