"""What both readers say of a place in TypeScript or JavaScript that may name a module and cannot be rewritten."""

from repo_agent_dagster.migration.rewriting.specifiers import Found, Place, Unsure

TEMPLATE = "a template literal; left as it is"
ESCAPES = "written with escapes; left as it is"
COMPUTED = "computed when it runs; left as it is"
MOST_ERRORS = 5
"""How many syntax errors of a file are listed: one written in another language has one in every line."""
MOST_CHARACTERS = 3_000_000
"""How long a text may be to be parsed: a longer one is data or a bundle, whose tree would take a gigabyte."""


def too_long(path: str, text: str) -> Found:
    """Return what is told of a file that is too long to be parsed."""
    reason = f"{len(text):,} characters are too long to be parsed (at most {MOST_CHARACTERS:,}); look at it"
    return Found(unsure=(Unsure(path, Place(1, 1), "syntax", reason),))


def not_understood(count: int) -> str:
    """Return what is said of a syntax error of which the parser knows no more; `count` is how many the file has."""
    return f"the parser does not understand this; look at it{_more(count)}"


def syntax_error(message: str, count: int) -> str:
    """Return what is said of a syntax error; `count` is how many the file has."""
    return f"a syntax error: {message}{_more(count)}"


def short(text: str) -> str:
    """Return the text on one line, cut to what a report can show."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 80 else one_line[:79] + "…"


def _more(count: int) -> str:
    return "" if count <= MOST_ERRORS else f" ({count} such places in this file, the first {MOST_ERRORS} are listed)"
