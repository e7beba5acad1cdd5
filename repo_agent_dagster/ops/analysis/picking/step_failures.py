"""What failed in one step: verdicts of tools, else crashes, else what the step says loudest, else how it ended."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from repo_agent_dagster.ops.analysis.blocks import Block, Rank, blocks_of, wrapper
from repo_agent_dagster.ops.analysis.blocks.block import shown
from repo_agent_dagster.ops.analysis.picking.crashes import continued, crashes, merged
from repo_agent_dagster.ops.analysis.picking.finding import Finding, found
from repo_agent_dagster.ops.analysis.picking.green import GreenLines
from repo_agent_dagster.ops.analysis.picking.loudness import Loudness, is_passing_over, loudness
from repo_agent_dagster.ops.analysis.picking.sheet import Sheet, Step, ends_step
from repo_agent_dagster.ops.analysis.stacks import exception_of

_ECHO = re.compile(r"[>$+] |\[command\]|info (?:Visit|If you think)|yarn run v")
MAX_FINDINGS = 200
"""A step with more failures than this tells no more about any of them; the first ones are kept."""

_NEAR = 5
_LOUD_LINES = 30
_MOST_LOUD = 300
_MOST_ENDINGS = 2000
_TAIL_LINES = 3
_FIRST_SIGNAL = 124  # of `timeout`; from 129 on, signals
_NEW_TAIL_LINES = 12


def findings_in(sheet: Sheet, step: Step, green: GreenLines | None) -> list[Finding]:
    """Return what failed in the step, in order; empty when nothing in it tells of a failure."""
    blocks = [_spoken_by_service(sheet, finding) for finding in _read(sheet, step)]
    if green is not None:
        blocks = _without_known(sheet, blocks, green)
    annotated = _annotations(sheet, step, blocks)
    verdicts = [finding for finding in blocks if finding.block.rank == Rank.VERDICT]
    fallen = [finding for finding in blocks if finding.block.tool == "crash"]
    findings = (
        sorted([*_verdicts(sheet, verdicts, blocks), *fallen], key=lambda f: f.first)
        if verdicts
        else crashes(sheet, blocks, green)
    )
    findings = _annotate(sheet, findings[:MAX_FINDINGS], annotated[:MAX_FINDINGS])
    if not findings:
        findings = _loudest(sheet, step, green) or _tail(sheet, step, green)
    return _with_endings(sheet, step, findings[:MAX_FINDINGS])


def annotated_findings(sheet: Sheet, step: Step) -> list[Finding]:
    """Return only what the build service itself marks as an error: all that counts in a job that passed."""
    lines = [index for index in _annotations(sheet, step, ()) if wrapper(sheet.texts[index]) is None]
    return [_told_by(sheet, [index]) for index in lines]


def _read(sheet: Sheet, step: Step) -> list[Finding]:
    """Return the blocks of the step; where several programs speak in turns, each is read by itself."""
    turns: dict[str | None, list[int]] = {}
    for index in range(step.start, step.end):
        turns.setdefault(sheet.speakers.get(index) if sheet.speakers else None, []).append(index)
    findings = [
        found(block, lines) for lines in turns.values() for block in blocks_of([_bounding(sheet, i) for i in lines])
    ]
    return sorted(findings, key=lambda finding: finding.first)


def _bounding(sheet: Sheet, index: int) -> str:
    """Return the line's text; a line of the build service's own, at which every block ends, as a bare mark."""
    text = sheet.texts[index]
    if sheet.marks[index] in ("group", "endgroup", "section") or (text and ends_step(text)):
        return "##"
    return text


def _spoken_by_service(sheet: Sheet, finding: Finding) -> Finding:
    """What no tool says but an annotation holds is the build service's own word."""
    if finding.block.tool != "shell" or sheet.marks[finding.first] != "error":
        return finding
    block = replace(finding.block, tool="actions")
    return replace(finding, block=block, signals=frozenset({"annotation"}))


def _without_known(sheet: Sheet, findings: list[Finding], green: GreenLines) -> list[Finding]:
    """Leave out what the passing log tells too; if it tells all of it, the comparison is of no use."""
    fresh = [
        finding.joined((), "new-since-green")
        for finding in findings
        if not green.has_all([sheet.texts[index] for index in finding.picked])
    ]
    return fresh if fresh or not any(f.block.rank == Rank.VERDICT for f in findings) else findings


def _annotations(sheet: Sheet, step: Step, blocks: Iterable[Finding]) -> list[int]:
    covered = {
        index for finding in blocks for index in (*range(finding.block.start, finding.block.end), *finding.picked)
    }
    return [i for i in range(step.start, step.end) if sheet.marks[i] == "error" and i not in covered and sheet.texts[i]]


def _verdicts(sheet: Sheet, verdicts: list[Finding], blocks: list[Finding]) -> list[Finding]:
    """Return the tools' verdicts; a builder that only reports what failed inside it joins that failure."""
    outer = [finding for finding in verdicts if finding.block.wraps]
    inner = merged(sheet, [finding for finding in verdicts if not finding.block.wraps])
    for finding in outer:
        inside = [f for f in inner if f.first <= finding.picked[-1]]
        if not inside:
            crashed = crashes(sheet, [f for f in blocks if f.block.rank == Rank.CRASH], None)
            inside = crashed = [f for f in crashed if f.first <= finding.picked[-1]]
            inner += crashed
        if not inside:
            inner.append(finding)
            continue
        cause = inside[-1]
        joined = cause.joined(finding.picked).with_ending(finding.block.exit_code, finding.block.command)
        anchors = (*cause.block.anchors, *finding.block.anchors)
        inner[inner.index(cause)] = replace(joined, block=replace(joined.block, anchors=anchors))
    return sorted(inner, key=lambda finding: finding.first)


def _annotate(sheet: Sheet, findings: list[Finding], annotated: list[int]) -> list[Finding]:
    """Give the build service's own error lines to the failure that they follow; alone, they are the failure."""
    own = [index for index in annotated if wrapper(sheet.texts[index]) is None]
    if not own:
        return findings
    if not findings:
        told = _told_by(sheet, own)
        near = [i for i in range(max(0, own[0] - 8), own[0]) if loudness(sheet.texts[i]) == Loudness.CLEAR]
        return [told.joined([*near, *continued(sheet, near, None)])]
    result = list(findings)
    for index in own:
        anchor = sheet.anchors.get(index)
        known = [f for f in result if anchor is None or any(a.file.endswith(anchor.file) for a in f.block.anchors)]
        if not known:
            result.append(_told_by(sheet, [index]))
            continue
        before = [f for f in known if f.first < index] or known[:1]
        result[result.index(before[-1])] = before[-1].joined([index], "annotation")
    return sorted(result, key=lambda finding: finding.first)


def _told_by(sheet: Sheet, lines: Sequence[int]) -> Finding:
    """Return the finding of lines that the build service marks as errors."""
    text = next((sheet.texts[i] for i in lines if sheet.texts[i].strip()), sheet.texts[lines[0]])
    anchors = tuple(sheet.anchors[i] for i in lines if i in sheet.anchors)
    block = Block(
        "actions", lines[0], lines[-1] + 1, tuple(lines), shown(text.partition("\n")[0]),
        exception=exception_of(text), anchors=anchors,
    )  # fmt: skip
    return Finding(block, tuple(lines), frozenset({"annotation"}))


def _loudest(sheet: Sheet, step: Step, green: GreenLines | None) -> list[Finding]:
    """Return the last cluster of lines that speak of an error, with what belongs to them."""
    loud: dict[int, Loudness] = {}
    for index in range(step.start, step.end):
        text = sheet.texts[index]
        if not text or sheet.marks[index] in ("group", "endgroup", "debug", "notice", "warning"):
            continue
        how = loudness(text)
        if how and wrapper(text) is None and not (green is not None and green.has(text)):
            loud[index] = how
    if not loud:
        return []
    clear = ([index for index, how in loud.items() if how == Loudness.CLEAR] or list(loud))[-_MOST_LOUD:]
    last = [clear[-1]]
    for index in reversed(clear[:-1]):
        if last[0] - index > _NEAR and green is None:
            break
        last.insert(0, index)
    last = last[-_LOUD_LINES:]
    hints = [index for index in loud if last[0] - _NEAR <= index <= last[-1] + _NEAR]
    picked = sorted({*last, *hints, *continued(sheet, last, green)})
    return [_said(sheet, picked, last[0], "new-since-green" if green else "level")]


def _tail(sheet: Sheet, step: Step, green: GreenLines | None) -> list[Finding]:
    """Return the end of the step: the last lines that are new since the job passed, or the last few."""
    spoken = [
        index for index in range(step.start, step.end) if sheet.marks[index] is None and _may_end(sheet.texts[index])
    ]
    code = step.ending.exit_code if step.ending else None
    ended = [i for i in range(step.start, step.end) if sheet.texts[i].strip() and wrapper(sheet.texts[i])]
    if ended and code is not None and code >= _FIRST_SIGNAL:  # ended from outside: what it said last is not why
        return [_said(sheet, ended[-1:], ended[-1], "exit")]
    fresh = [index for index in spoken if green is not None and not green.has(sheet.texts[index])]
    if fresh:
        last = [fresh[-1]]
        for index in reversed(fresh[:-1]):
            if last[0] - index > 2 or len(last) >= _NEW_TAIL_LINES:
                break
            last.insert(0, index)
        return [_said(sheet, last, last[0], "new-since-green", "tail")]
    if spoken:
        last = [index for index in spoken if index > spoken[-1] - _TAIL_LINES]
        return [_said(sheet, last, last[-1], "tail")]
    return [_said(sheet, ended[-1:], ended[-1], "exit")] if ended else []


def _may_end(text: str) -> bool:
    """Return whether a line may be a step's last word: not a warning, an echoed command, or what follows a failure."""
    return bool(text.strip()) and not _ECHO.match(text) and wrapper(text) is None and not is_passing_over(text)


def _said(sheet: Sheet, picked: Sequence[int], told: int, *signals: str) -> Finding:
    text = sheet.texts[told]
    block = Block(
        "shell", picked[0], picked[-1] + 1, tuple(picked), shown(text), exception=exception_of(text), rank=Rank.LOUD
    )
    return Finding(block, tuple(picked), frozenset(signals))  # type: ignore[arg-type]


def _with_endings(sheet: Sheet, step: Step, findings: list[Finding]) -> list[Finding]:
    """Give each failure the exit code that is told after it and before the next."""
    if not findings:
        return []
    endings = [
        (index, told) for index in range(findings[0].first, step.end)
        if sheet.texts[index] and (told := wrapper(sheet.texts[index])) is not None
    ]  # fmt: skip
    endings = endings[-_MOST_ENDINGS:]
    step_code = step.ending.exit_code if step.ending else None
    result = []
    for position, finding in enumerate(findings):
        following = findings[position + 1].first if position + 1 < len(findings) else step.end
        below = [told for index, told in endings if finding.block.end - 1 <= index < following]
        code = next((told.exit_code for told in below if told.exit_code), None) or step_code
        command = next((told.command for told in below if told.command), None)
        result.append(finding.with_ending(code, command if finding.block.tool != "make" else None))
    return result
