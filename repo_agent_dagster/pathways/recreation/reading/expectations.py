"""What a description says should come, where what is wrong is no exception: a value, an output, an error not raised.

Only what is explicit is taken: "returns `3` instead of `4`", "should raise `ValueError` but …", an output under the
heading "Expected". Pure.
"""

import re
from dataclasses import dataclass
from typing import Literal

from repo_agent_dagster.pathways.recreation.reading.blocks import CodeBlock, node_session_inputs, session_inputs
from repo_agent_dagster.pathways.recreation.reading.description import Description

_LITERAL = (
    r"(?:\"[^\"\n]*\"|'[^'\n]*'|-?\d+(?:\.\d+)?(?:e-?\d+)?|True|False|None|null|true|false|undefined|NaN"
    r"|\[[^\]\n]*\]|\{[^}\n]*\}|(?:[a-z_]\w*\.)*[A-Z]\w*\([^()\n]*\)|\([^)\n]*\))"
)
_CODE = r"`+([^`\n]+?)`+"


def _value(name: str) -> str:
    return rf"(?:`+(?P<{name}_code>[^`\n]+?)`+|(?P<{name}>{_LITERAL})(?![\w.]*\w))"


_GIVES = (
    r"(?:returns?|returned|gives?|gave|prints?|printed|got|gets?|is|was|yields?|produces?|produced|evaluates to"
    r"|outputs?|results? in|shows?|->|=>)"
)
_WANTS = r"(?:return|be|give|print|yield|produce|equal|output|have been|evaluate to|get|show)"
_SHAPES = tuple(
    re.compile(shape, re.IGNORECASE)
    for shape in (
        # returns 3 instead of 4; is 3, should be 4; gives 3 but expected 4
        rf"{_GIVES}:?\s+(?:me\s+)?{_value('actual')}[,;.]?\s*\(?(?:and\s+not|instead\s+of|rather\s+than|not"
        rf"|(?:but|where|while)?\s*(?:it\s+|this\s+)?should\s+{_WANTS}|(?:but\s+)?(?:I\s+)?expected(?:\s+(?:is|was))?:?"
        rf"|when\s+it\s+should\s+{_WANTS})\s+{_value('expected')}",
        # expected 4 but got 3; expected: 4, actual: 3; should return 4, but returns 3
        rf"(?:\bexpect(?:ed|s|ing)?(?:\s+(?:result|output|value|behaviou?r|return value))?"
        rf"(?:\s+(?:is|was|to\s+{_WANTS}|it\s+to\s+{_WANTS}))?\**:?\**|\bshould\s+{_WANTS})\s+{_value('expected')}"
        rf"(?:[,;.]?\s*(?:\(|and\s+|but\s+)?(?:I\s+|it\s+)?(?:actual(?:ly)?|instead)?\s*(?:(?:result|output|value)\s*)?"
        rf"(?:{_GIVES}|:)?\**:?\**\s+{_value('actual')})?",
    )
)
_NOT_RAISED = re.compile(
    r"\bshould\s+(?:raise|throw|fail\s+with)\s+(?:an?\s+)?`?(?P<should>[A-Za-z_][\w.]{0,120})`?"
    r"|`?(?P<never>(?<!\w)\w{1,80}(?:Error|Exception))`?\s+(?:is|was)\s+(?:not|never)\s+(?:raised|thrown)"
    r"|\b(?:does\s*n[o']t|doesn't|did\s*n[o']t|didn't|never)\s+(?:raise|throw)s?\s+(?:an?\s+|any\s+)?"
    r"`?(?P<does_not>\w{1,80}(?:Error|Exception))`?",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    rf"^\W*(?:(?:the\s+)?(?:actual|current|observed)(?:ly)?(?:\s+(?:result|output|value|behaviou?r))?|(?:but\s+)?(?:I\s+)?got"
    rf"|instead[\s,]+(?:it|I)\s+{_GIVES})(?:\s+is)?\**:?\**\s+{_value('actual')}",
    re.IGNORECASE,
)
_CALL = re.compile(r"[\w.]+\(.*\)")

Kind = Literal["wrong_value", "wrong_output", "not_raised"]


@dataclass(frozen=True)
class Expectation:
    """What should come and what came instead, as written; `expression` is what is evaluated, empty: the last one told.

    `is_assertion` says that the snippets assert it themselves.
    """

    kind: Kind
    expected: str
    actual: str = ""
    expression: str = ""
    source: str = ""
    is_assertion: bool = False


def read_expectation(description: Description) -> Expectation | None:
    """Return what the description says should come, None where it is not explicit."""
    return (
        _not_raised(description)
        or _in_comments(description)
        or _in_prose(description)
        or _in_blocks(description)
        or _asserted(description)
    )


def _not_raised(description: Description) -> Expectation | None:
    for paragraph in description.prose:
        if match := _NOT_RAISED.search(paragraph):
            name = next(group for group in match.groups() if group)
            if name.lower() not in ("an", "a", "any", "error", "exception"):
                return Expectation("not_raised", name.rpartition(".")[2], "", _call_in(paragraph), "prose")
    return None


def _in_comments(description: Description) -> Expectation | None:
    for block in description.of_kind("python", "python_session", "node", "node_session"):
        for line in block.text.splitlines():
            code, mark, comment = _without_prompt(line).partition("#" if block.kind.startswith("python") else "//")
            if mark and code.strip() and (found := _match(comment.strip(" #/"))):
                expected, actual = found
                source = f"comment in code block {block.number}"
                return Expectation("wrong_value", expected, actual, _expression(code), source)
    return None


def _in_prose(description: Description) -> Expectation | None:
    for paragraph in description.prose:
        text = " ".join(paragraph.split())
        if found := _match(text):
            expected, actual = found
            call = _call_in(text)
            if not (actual or call or re.fullmatch(_LITERAL, expected)):
                continue  # "the option should be `--strict`" tells of no value
            return Expectation("wrong_value", expected, actual or _instead(description), call, "prose")
    return None


def _instead(description: Description) -> str:
    for paragraph in description.prose:
        if match := _INSTEAD.search(" ".join(paragraph.split())):
            return str(match["actual_code"] or match["actual"]).strip()
    return _printed(description)


def _in_blocks(description: Description) -> Expectation | None:
    outputs = description.of_kind("output")
    expected = next((block for block in outputs if block.is_expected), None)
    if expected is None or not _runnable(description):
        return None
    actual = next((block.text for block in outputs if block.is_actual and block is not expected), "")
    return Expectation("wrong_output", expected.text.strip(), actual.strip(), "", f"code block {expected.number}")


def _asserted(description: Description) -> Expectation | None:
    for block in _runnable(description):
        if re.search(
            r"^\s*(?:>>> )?(?:assert\b|self\.assert|expect\()|^\s*(?:> )?assert[.(]", block.text, re.MULTILINE
        ):
            source = f"assertion in code block {block.number}"
            return Expectation("wrong_value", "", "", "", source, is_assertion=True)
    return None


def _match(text: str) -> tuple[str, str] | None:
    for shape in _SHAPES:
        if match := shape.search(text):
            expected = match["expected_code"] or match["expected"]
            actual = match["actual_code"] or match["actual"] or ""
            # "should return `total()`" names no value but what gives one.
            if not _CALL.fullmatch(expected) or re.match(r"[A-Z]", expected):
                return expected.strip(), actual.strip()
    return None


def _call_in(text: str) -> str:
    codes = [code.strip() for code in re.findall(_CODE, text)]
    return next((code for code in codes if _CALL.fullmatch(code) and not re.match(r"[A-Z]\w*Error", code)), "")


def _expression(code: str) -> str:
    stripped = code.strip().rstrip(";").strip()
    printed = re.fullmatch(r"(?:print|console\.log)\((.*)\)", stripped)
    assigned = re.fullmatch(r"(?:(?:const|let|var)\s+)?(\w+)\s*=[^=].*", stripped)
    if assigned:
        return assigned[1]
    return printed[1] if printed else stripped


def _printed(description: Description) -> str:
    """Return what the last input of the last session printed."""

    for block in reversed(description.of_kind("python_session", "node_session")):
        inputs = session_inputs(block.text) if block.kind == "python_session" else node_session_inputs(block.text)
        if inputs and "\n" not in inputs[-1][1]:
            return inputs[-1][1]
    return ""


def _runnable(description: Description) -> list[CodeBlock]:
    return description.of_kind("python", "python_session", "node", "node_session", "shell", "shell_session")


def _without_prompt(line: str) -> str:
    return re.sub(r"^\s*(?:>>>|\.\.\.|>) ", "", line)
