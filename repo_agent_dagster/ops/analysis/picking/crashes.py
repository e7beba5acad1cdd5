"""Crashes: stack traces, each one a failure, and the last words of commands, which are one failure together."""

from collections.abc import Iterable, Sequence

from repo_agent_dagster.ops.analysis.blocks import wrapper
from repo_agent_dagster.ops.analysis.masking import pattern
from repo_agent_dagster.ops.analysis.picking.finding import Finding
from repo_agent_dagster.ops.analysis.picking.green import GreenLines
from repo_agent_dagster.ops.analysis.picking.loudness import Loudness, is_passing_over, loudness
from repo_agent_dagster.ops.analysis.picking.sheet import Sheet

_NEAR = 5
_EXPLAINS = ("hint:", "Hint:", "HINT:", "note:", "help:", "LINE ", "DETAIL:", "More details here", "caused by", "^")
_MOST_LINES = 30
_MOST_SAYINGS = 200


def crashes(sheet: Sheet, blocks: list[Finding], green: GreenLines | None) -> list[Finding]:
    """Return traces, each one a failure, and the shell's last words, which are one together."""
    traces = merged(sheet, [finding for finding in blocks if finding.block.is_trace])
    sayings = [finding for finding in blocks if not finding.block.is_trace]
    meant = [f for f in sayings if not is_passing_over(sheet.texts[f.first])]
    sayings = (meant or ([] if traces else sayings))[-_MOST_SAYINGS:]
    if not sayings:
        return traces
    last = [sayings[-1]]
    for finding in reversed(sayings[:-1]):
        if last[0].first - finding.first > _NEAR:
            break
        last.insert(0, finding)
    if traces:
        near = [
            trace
            for trace in traces
            if abs(trace.block.end - last[0].first) <= 2 * _NEAR or trace.first > last[-1].first
        ]
        if near:  # the shell only repeats what the trace tells
            joined = near[-1].joined(f.first for f in last if f.first >= near[-1].block.end)
            return [joined if trace is near[-1] else trace for trace in traces]
    chosen = _spread(sheet, last, sayings, blocks, green)
    saying = last[0].joined(chosen).joined(_same_speaker(sheet, chosen))
    return sorted([*traces, saying.joined(continued(sheet, saying.picked, green))], key=lambda f: f.first)


def _spread(
    sheet: Sheet, last: list[Finding], sayings: list[Finding], blocks: list[Finding], green: GreenLines | None
) -> list[int]:
    """Return the lines of the last words, of the same words before them, and of what is said beside both."""
    same = {pattern(sheet.texts[finding.first]) for finding in last}
    again = [f.first for f in sayings if green is not None or pattern(sheet.texts[f.first]) in same]
    chosen = {*(finding.first for finding in last), *again}
    for finding in reversed(blocks[-2 * _MOST_SAYINGS :]):
        if not finding.block.is_trace and any(-_NEAR <= finding.first - line <= 1 for line in chosen):
            chosen.add(finding.first)
    clear = [
        index
        for index in range(max(0, last[0].first - _NEAR), min(last[-1].first + 2, len(sheet.texts)))
        if loudness(sheet.texts[index]) == Loudness.CLEAR and wrapper(sheet.texts[index]) is None
    ]
    return sorted({*chosen, *clear})


def merged(sheet: Sheet, findings: list[Finding]) -> list[Finding]:
    """Join what is told twice: a test in the final summary, an output that its builder repeats."""
    kept: dict[tuple[str, str, str], Finding] = {}
    for finding in findings:
        block = finding.block
        place = " ".join(map(str, block.anchors[:1]))
        key = (block.tool, block.test, "") if block.test else (block.tool, pattern(block.headline), place)
        before = kept.get(key)
        kept[key] = before.joined(finding.picked) if before else finding
    return list(kept.values())


def continued(sheet: Sheet, picked: Iterable[int], green: GreenLines | None) -> list[int]:
    """Return the lines that go on with what the picked ones say: indented below them, or new beside them."""
    lines: list[int] = []
    for index in picked:
        depth = len(sheet.texts[index]) - len(sheet.texts[index].lstrip())
        for below in range(index + 1, min(index + 11, len(sheet.texts))):
            text = sheet.texts[below]
            if not text.strip() or sheet.marks[below] is not None or wrapper(text) is not None:
                break
            indented = len(text) - len(text.lstrip()) > depth
            if (
                not indented
                and not text.lstrip().startswith(_EXPLAINS)
                and (green is None or green.has(text) or is_passing_over(text))
            ):
                break
            lines.append(below)
    return lines


def _same_speaker(sheet: Sheet, picked: Sequence[int]) -> list[int]:
    """Return the lines beside the findings that begin with the same command's name: ``tar: …``, ``npm error …``."""
    lines: list[int] = []
    for start in picked:
        name, colon, _ = sheet.texts[start].partition(": ")
        if not colon or not name or len(name) > 60 or " " in name:
            continue
        for way in (-1, 1):
            index = start + way
            while (
                0 <= index < len(sheet.texts)
                and sheet.texts[index].startswith(name + ": ")
                and len(lines) < _MOST_LINES
            ):
                lines.append(index)
                index += way
    return lines
