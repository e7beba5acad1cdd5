"""Escape untrusted text so that GitHub's Markdown shows it as it is: no markup, no mentions, no broken tables."""

import re

_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
_LINE_START = re.compile(r"^(?=[-+=#]|:-|\d+[.)])")
_REFERENCES = re.compile(r"([@#]|\bGH-)(?=\w)|(:)(?=//)|(www)(?=\.)", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")
_BREAKS = re.compile(r"\s*[\r\n\v\f\x85\u2028\u2029]\s*")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def inline(text: str) -> str:
    """Return the text for a line or a table cell: breaks become spaces, markup, HTML and mentions are inert."""
    return line_start(inert(_one_line(text)))


def inert(text: str) -> str:
    """Return the text for the inside of a line: markup, HTML, mentions, references and bare links are inert."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = _SPECIAL.sub(r"\\\1", text)
    # GitHub finds mentions, issue numbers and links after it has undone escapes; only a zero-width space keeps it from
    # them.
    return _REFERENCES.sub(r"\g<0>&#8203;", text)


def line_start(line: str) -> str:
    """Return a line that begins no list, heading, table or rule; what stands in it is left as it is."""
    return _LINE_START.sub(r"&#8203;", line)


def code(text: str) -> str:
    """Return the text as a code span that is also safe in a table cell."""
    # GitHub splits table cells before it reads code spans, and unescapes \\| in the cell.
    return code_span(text.replace("|", "\\|"))


def code_span(text: str) -> str:
    """Return the text as a code span for a line outside of tables."""
    text = _one_line(text)
    if not text:
        return "` `"
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def fenced(text: str, language: str = "") -> str:
    """Return the text in a fence that nothing in it can close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def quote(text: str) -> str:
    """Return the text as a block quote that keeps its lines."""
    lines = [inline(line) for line in _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text).strip().splitlines()]
    return "\n".join(f"> {line}" if line else ">" for line in lines)


def table(headers: list[str], rows: list[list[str]], *, numbers: frozenset[int] = frozenset()) -> str:
    """Return a table of cells that are already escaped; the columns in `numbers` are aligned to the right."""
    rules = ["---:" if index in numbers else "---" for index in range(len(headers))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headers, rules, *rows))


def _one_line(text: str) -> str:
    text = _BREAKS.sub(" ", text.strip())
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
