"""openSpace: fit a block's indentation to its surroundings.

The block's own base indentation is replaced by that of the surroundings, once for the whole block; what lines are
indented beyond the base stays, converted between tabs and spaces where the surroundings use the other.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

TAB_WIDTH_WITHOUT_EVIDENCE = 4
EVIDENCE_LINES = 400
"""How many lines are looked at to learn a file's indentation: enough to be sure, few enough to stay cheap."""


def leading_space(line: bytes) -> bytes:
    """Return a line's leading spaces and tabs."""
    return line[: len(line) - len(line.lstrip(b" \t"))]


def is_blank(line: bytes) -> bool:
    """Whether a line holds nothing but white space."""
    return not line.strip()


def around_span(lines: Sequence[bytes], start: int, end: int) -> bytes:
    """Return the indentation for what replaces lines[start:end]: its first line's that is not blank, or the nearest."""
    for candidates in (range(start, end), range(start - 1, -1, -1), range(end, len(lines))):
        for index in candidates:
            if not is_blank(lines[index]):
                return leading_space(lines[index])
    return b""


def before_line(lines: Sequence[bytes], index: int) -> bytes:
    """Return the indentation for what goes before lines[index]: that line's, or the next one's that is not blank."""
    return around_span(lines, index, len(lines))


def after_line(lines: Sequence[bytes], index: int) -> bytes:
    """Return the indentation for what goes after lines[index].

    It is that line's, or the previous one's that is not blank; but where the next line is deeper, the line opened a
    block (``def f():``, ``if (x) {``), and what follows belongs into it.
    """
    own = next((leading_space(lines[i]) for i in range(index, -1, -1) if not is_blank(lines[i])), b"")
    following = next((leading_space(lines[i]) for i in range(index + 1, len(lines)) if not is_blank(lines[i])), b"")
    return following if following.startswith(own) else own


def reindent(block: Sequence[bytes], target: bytes, surroundings: Iterable[bytes]) -> list[bytes]:
    """Return the block's lines with `target` as their base indentation; blank lines become empty.

    `surroundings` are lines of the file, the nearest first: they tell whether it indents by tabs or by how many spaces.
    """
    base = _common([leading_space(line) for line in block if not is_blank(line)])
    unit = _unit(target, surroundings)
    own_unit = _space_unit(leading_space(line)[len(base) :] for line in block if not is_blank(line))
    fitted = []
    for line in block:
        if is_blank(line):
            fitted.append(b"")
            continue
        inner = leading_space(line)[len(base) :]
        fitted.append(target + _convert(inner, unit, own_unit) + line.lstrip(b" \t"))
    return fitted


def trim_blank_edges(lines: Sequence[bytes]) -> tuple[int, int]:
    """Return (start, end) of what is left of the lines without leading and trailing blank ones; (0, len) if all are."""
    filled = [index for index, line in enumerate(lines) if not is_blank(line)]
    return (filled[0], filled[-1] + 1) if filled else (0, len(lines))


def _common(indents: Sequence[bytes]) -> bytes:
    """Return the white space that all of these begin with."""
    lowest, highest = min(indents, default=b""), max(indents, default=b"")
    length = 0
    while length < len(lowest) and lowest[length] == highest[length]:
        length += 1
    return lowest[:length]


def _unit(target: bytes, surroundings: Iterable[bytes]) -> bytes:
    """One level of the file's indentation: a tab or some spaces."""
    if b"\t" in target:
        return b"\t"
    indents = [leading_space(line) for line in islice(surroundings, EVIDENCE_LINES)]
    if not target and next((indent for indent in indents if indent), b"").startswith(b"\t"):
        return b"\t"
    return b" " * (_space_unit([target, *indents]) or TAB_WIDTH_WITHOUT_EVIDENCE)


def _space_unit(indents: Iterable[bytes]) -> int:
    """Return the smallest indentation by spaces beyond one, or 0 when there is none; one space is an alignment."""
    return min((len(indent) for indent in indents if len(indent) > 1 and b"\t" not in indent), default=0)


def _convert(inner: bytes, unit: bytes, own_unit: int) -> bytes:
    if unit == b"\t":
        if b"\t" in inner or not own_unit:
            return inner
        levels, rest = divmod(len(inner), own_unit)
        return b"\t" * levels + b" " * rest
    return inner.replace(b"\t", unit)
