"""Service containers that do not come up: the build service's word on them, with the container's own log."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until

_FAILED = re.compile(r"(?:Failed to initialize container (?P<image>\S+)|Service container (?P<service>\S+) failed\.?)$")
_LOGS = re.compile(r"\S{0,100}docker logs \S")
_ENDS = re.compile(r"##|One or more containers failed|\S{0,100}docker \w|Service container |Failed to initialize")
_TELLS = re.compile(r"error|fatal|fail|cannot|can't|could not|denied|panic|must |not set|missing|invalid|refused", re.I)
_MOST_LINES = 12
_FAR = 60
HINTS = ("Failed to initialize container", "Service container ")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each container; its own log, told before or after, says why."""
    begun = 0
    for index, text in enumerate(texts):
        match = _FAILED.match(text.strip()) if index >= begun and ("container " in text) else None
        if match is None:
            continue
        last = until(texts, index + 1, lambda line: line.startswith(("Failed to init", "One or more cont")), _FAR)
        end = index + 1
        if match["service"] and last < len(texts) and texts[last].startswith("Failed to init"):
            end = last + 1
        logs = next((i for i in range(index + 1, min(len(texts), index + 4)) if _LOGS.match(texts[i])), None)
        told = _telling(texts, logs + 1) if logs is not None else []
        start = index
        if not told and (logs := _logs_above(texts, begun, index)) is not None:
            told, start = _telling(texts, logs + 1), logs
        end = max(end, told[-1] + 1 if told else end)
        verdict = texts[end - 1] if end - 1 not in told else text
        said = f"{verdict.strip()}: {texts[told[0]].strip()}" if told else verdict
        picked = [index, *told, *([end - 1] if match["service"] else [])]
        yield Block("actions", min(start, index), end, trimmed(texts, picked), shown(said))
        begun = end


def _logs_above(texts: Sequence[str], begun: int, index: int) -> int | None:
    """Return the command that shows a container's log, where it was run just before the build service's word."""
    for above in range(index - 1, max(begun, index - _FAR * 4) - 1, -1):
        if _LOGS.match(texts[above]):
            return above
    return None


def _telling(texts: Sequence[str], start: int) -> list[int]:
    """Return the lines of a container's log from the first that speaks of an error on, else its last lines."""
    end = until(texts, start, _ENDS.match, 2000)
    lines = [i for i in range(start, end) if texts[i].strip()]
    first = next((place for place, i in enumerate(lines) if _TELLS.search(texts[i][:600])), None)
    return lines[first : first + _MOST_LINES] if first is not None else lines[-3:]
