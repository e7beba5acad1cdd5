"""CTest: the tests that failed, with what they said where it was asked to show that."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until

_RESULT = re.compile(
    r"\s*\d+/\d+ Test\s+#\d+: (?P<test>\S+) [. ]*\*+(?P<what>Failed|Exception.*?|Timeout|Not Run|Skipped|Bad Command)"
    r"(?:\s+Required regular expression.*|\s+Error regular expression.*)?\s+[\d.]+ sec\s*$"
)
_SUMMARY = re.compile(r"\s+\d+ - (?P<test>\S+) \((?P<what>[\w ]{1,40})\)(?:\s.{0,100})?$")
_NEXT = re.compile(r"\s*(?:\d+/\d+ Test\s+#|Start\s+\d+: )|\d+% tests passed|##")
_MOST_SAID = 30
_TELLS = re.compile(r"error|fail|assert|abort|fatal|expected|terminate|exception|mismatch|wrong|cannot|not ", re.I)
HINTS = ("***", "The following tests FAILED:")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each test; where a log has the summary alone, its lines are all there is."""
    listed = _listed(texts)
    told: set[str] = set()
    for index, text in enumerate(texts):
        if "***" in text and len(text) <= 600 and (match := _RESULT.match(text)) and match["what"] != "Skipped":
            told.add(match["test"])
            yield _test(texts, index, match["test"], match["what"], listed)
    for test, (index, what) in listed.items():
        if test not in told:
            yield Block("ctest", index, index + 1, (index,), shown(f"{test}: {what}"), test=test)


def _listed(texts: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return the tests of the summary, with its line and what became of them."""
    found: dict[str, tuple[int, str]] = {}
    for head, text in enumerate(texts):
        if not text.startswith("The following tests FAILED:"):
            continue
        for index in range(head + 1, until(texts, head + 1, lambda line: not _SUMMARY.match(line), 2000)):
            if match := _SUMMARY.match(texts[index]):
                found.setdefault(match["test"], (index, match["what"]))
    return found


def _test(texts: Sequence[str], head: int, test: str, what: str, listed: dict[str, tuple[int, str]]) -> Block:
    end = until(texts, head + 1, _NEXT.match, 300)
    said = [index for index in range(head + 1, end) if texts[index].strip()][-_MOST_SAID:]
    if what == "Not Run":  # why stands above the result
        begun = next((i for i in range(head - 1, max(-1, head - 30), -1) if "Start " in texts[i][:20]), head)
        said += [i for i in range(begun + 1, head) if texts[i].startswith(("Could not find", "Unable to find"))]
    telling = next((texts[i].strip() for i in said if _TELLS.search(texts[i][:600])), None)
    telling = telling or (texts[said[-1]].strip() if said else None)
    outcome = what.strip().removeprefix("Exception: ")
    headline = f"{test}: {outcome}: {telling}" if telling else f"{test}: {outcome}"
    mentions = [listed[test][0]] if test in listed else []
    return Block(
        "ctest", head, max(head + 1, said[-1] + 1 if said and said[-1] > head else head + 1),
        trimmed(texts, [head, *said, *mentions]), shown(headline),
        exception=outcome if what.startswith("Exception") else None, test=test,
    )  # fmt: skip
