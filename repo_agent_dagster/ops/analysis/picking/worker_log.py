"""The failures of a worker's log that was given as a file: its lines have levels, and an entry may have many lines."""

from collections.abc import Iterator
from itertools import groupby

from repo_agent_dagster.contracts.logs import FAILURE_LEVELS, LogLevel
from repo_agent_dagster.ops.analysis.blocks.block import anchors_of, shown
from repo_agent_dagster.ops.analysis.masking import headline
from repo_agent_dagster.ops.analysis.model import Failure, Line, Log
from repo_agent_dagster.ops.analysis.picking.continuation import goes_on
from repo_agent_dagster.ops.analysis.picking.green import GreenLines
from repo_agent_dagster.ops.analysis.stacks import exception_of, frames_of

_MOST_LINES = 200


def failures_of_worker(log: Log, green: Log | None) -> Iterator[Failure]:
    """Yield a failure for each entry at error level; warnings count only where no error stands.

    An entry that the log of a healthy time holds too is left out.
    """
    entries = list(_entries(log))
    errors = [entry for entry in entries if entry[0].level in (LogLevel.ERROR, LogLevel.FATAL)]
    chosen = errors or [entry for entry in entries if entry[0].level in FAILURE_LEVELS]
    known = GreenLines(green) if green is not None else None
    for entry in chosen:
        if known is not None and known.has(entry[0].text):
            continue
        yield _failure(log, entry)


def _entries(log: Log) -> Iterator[list[Line]]:
    held: list[Line] = []
    for _, lines in groupby(log.lines, key=lambda line: line.number):
        entry = list(lines)
        if held and entry[0].level == held[0].level and goes_on([line.text for line in held[-50:]], entry[0].text):
            held += entry
            continue
        if held:
            yield held
        held = entry
    if held:
        yield held


def _failure(log: Log, entry: list[Line]) -> Failure:
    lines = tuple(entry[:_MOST_LINES])
    texts = [line.text[:2000] for line in lines]
    said = headline("\n".join(texts))
    frames = frames_of(texts) if len(texts) > 1 else ()
    return Failure(
        place=log.place,
        source=log.source,
        level=entry[0].level or LogLevel.ERROR,
        headline=shown(said),
        lines=lines,
        exception=exception_of(said),
        frames=frames,
        anchors=anchors_of(frames),
        signals=frozenset({"level", "stack"} if frames else {"level"}),
        ts=entry[0].ts,
        job=log.job,
    )
