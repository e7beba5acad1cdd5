"""The signature of a described error: type, message, innermost frame in the repository, or what came instead. Pure.

`expected_error` of the task wins; then tracebacks, then what is explicit about values, then words of the prose.
"""

import re
from collections.abc import Sequence

from repo_agent_dagster.contracts.recreation import ErrorSignature
from repo_agent_dagster.pathways.recreation.exception_types import exceptions_of
from repo_agent_dagster.pathways.recreation.reading.description import Description
from repo_agent_dagster.pathways.recreation.reading.expectations import Expectation, read_expectation
from repo_agent_dagster.pathways.recreation.reading.messages import likeness
from repo_agent_dagster.pathways.recreation.reading.shown_errors import Frame, ShownError, shown_errors
from repo_agent_dagster.pathways.recreation.survey import Survey

# Repetitions are bounded: a description of one endless word must not take endless time.
_TYPE = (
    r"(?:[A-Za-z_]\w{0,80}\.){0,12}[A-Z]\w{0,80}"
    r"(?:Error|Exception|Warning|Interrupt|Exit|Timeout|NotFound|DoesNotExist|Iteration)"
)
_ONLY_TYPE = re.compile(rf"(?:{_TYPE}|(?:[a-z_]\w*\.)+[A-Z]\w*|[A-Z][a-z]\w*[A-Z]\w*|Error|KeyError)")
_TYPE_AND_MESSAGE = re.compile(
    rf"(?:Uncaught )?(?P<type>{_TYPE}|(?:[a-z_]\w{{0,80}}\.){{0,12}}[A-Z]\w{{0,80}})(?: \[\w+\])?:\s*(?P<message>.+)",
    re.DOTALL,
)
_IN_PROSE = re.compile(
    rf"`?(?<![\w.])(?P<type>{_TYPE})(?!\w)(?::\s*(?P<message>[^`\n]{{2,300}}?)(?=`|\"(?:\s|$)|\n|$)"
    r"|`(?:\s*[:,(]?\s*[`\"](?P<quoted>[^`\"\n]{2,300})[`\"])?)?"
)
_SHOULD_NOT = re.compile(
    r"\bshould(?:n't|\s+not|\s+never)\s+(?:be\s+)?(?:rais|throw|fail|get)\S{0,12}\s+(?:an?\s+)?\S{0,2}$"
)
_SHOULD = re.compile(r"(?:should|instead of|not|rather than|expected?)\s+\S{0,12}\s*$")
_RAISING = re.compile(
    r"\b(?:rais\w*|throw\w*|threw|fail\w*|crash\w*|error\w*|exception|got|get|gives?|dies|with|results? in)\b",
    re.IGNORECASE,
)
_CRASHES = (
    (re.compile(r"\bseg(?:mentation)?[ -]?fault|\bSIGSEGV\b|\bcore dumped\b", re.IGNORECASE), "SIGSEGV"),
    (re.compile(r"\bSIGABRT\b|\babort(?:ed|s)? \(core|\bdouble free\b", re.IGNORECASE), "SIGABRT"),
    (re.compile(r"\bSIGFPE\b|\bfloating point exception\b", re.IGNORECASE), "SIGFPE"),
    (re.compile(r"\bSIGILL\b|\billegal instruction\b", re.IGNORECASE), "SIGILL"),
)  # fmt: skip
_HANGS = re.compile(
    r"\bhangs?\b|\bhanging\b|\binfinite loop\b"
    r"|\bnever (?:returns?|ends?|terminates?|finish\w*|completes?)\b"
    r"|\bdead-?locks?\b|\bfreez(?:es|ing)\b|\bruns? forever\b|\bloops? forever\b",
    re.IGNORECASE,
)


_FAILS = re.compile(r"\bfail(?:s|ed|ing|ure)?\b|\bred\b|\bbroken\b", re.IGNORECASE)


def read_signature(
    description: Description, expected_error: str | None, survey: Survey
) -> tuple[ErrorSignature, Expectation | None]:
    """Return the signature and, where it is of a value or an error not raised, what is expected in detail."""
    errors = shown_errors(description.text)
    if expected_error and expected_error.strip():
        return _with_frame(_of_expected_error(expected_error.strip()), errors, survey), None
    traced = _deciding(description)
    if traced is not None:
        return _of_error(traced, "traceback", survey), None
    if errors and not _is_expected_only(errors[-1], description):
        return _of_error(errors[-1], "error line", survey), None
    expectation = read_expectation(description)
    raised = _in_prose(description) or _own_in_prose(description, survey)
    # "It raises TypeError; it should return 0": what comes is the error, the value is what is wished for.
    is_wish = raised is not None and expectation is not None and not expectation.actual
    if expectation is not None and not expectation.is_assertion and (expectation.kind == "not_raised" or not is_wish):
        return _of_expectation(expectation), expectation
    found = raised or _crash_or_hang(description.text)
    if found is not None:
        return found, None
    if expectation is not None:
        return _of_expectation(expectation), expectation
    if _FAILS.search(description.text) and any(_is_named(test.id, description.text) for test in survey.tests):
        return ErrorSignature(symptom="failing_test", source="a test that is named"), None
    return ErrorSignature(), None


def _is_named(test_id: str, text: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(test_id.rpartition('::')[2])}(?!\w)", text) is not None


def repository_frame(frames: Sequence[Frame], survey: Survey) -> str:
    """Return the innermost frame that lies in the repository, as file:function; empty where none does."""
    for frame in reversed(frames):
        file = survey.file_of(frame.file)
        if file is not None:
            function = plain_function(frame.function)
            return f"{file}:{function}" if function else file
    return ""


def plain_function(function: str) -> str:
    """Return a frame's function without class, module or marks of its kind: ``Cart.total`` is ``total``."""
    if function.startswith("<"):
        return ""
    name = re.split(r"[.\s]", function.removesuffix("()").strip())[-1]
    return "" if name.startswith("<") else name


def _deciding(description: Description) -> ShownError | None:
    """Return the error that a description is about: the last of the first chain that it shows with frames."""
    for text in (*(block.text for block in description.blocks), description.text):
        traced = [error for error in shown_errors(text) if error.frames]
        if traced:
            return traced[-1]
    return None


def _of_error(error: ShownError, source: str, survey: Survey) -> ErrorSignature:
    return ErrorSignature(
        symptom="exception",
        exception=error.name,
        message=error.message.split("\n", 1)[0].strip()[:1000],
        frame=repository_frame(error.frames, survey),
        source=source,
    )


def _of_expected_error(text: str) -> ErrorSignature:
    shown = shown_errors(text)
    match = _TYPE_AND_MESSAGE.fullmatch(text)
    if "\n" in text and shown:
        name, message = shown[-1].name, shown[-1].message.split("\n")[0]
    elif _ONLY_TYPE.fullmatch(text):
        name, message = text, ""
    elif match:
        name, message = match["type"], match["message"][:1000]
    elif crash := _crash_or_hang(text):
        return crash.model_copy(update={"source": "expected_error"})
    else:
        name, message = "", text[:1000]
    return ErrorSignature(
        symptom="exception", exception=name.rpartition(".")[2], message=message, source="expected_error"
    )


def _with_frame(signature: ErrorSignature, errors: Sequence[ShownError], survey: Survey) -> ErrorSignature:
    """Add the frame of the description's traceback, where that is of the same error."""
    for error in reversed(errors):
        same = error.name == signature.exception or (
            not signature.exception and likeness(signature.message, error.message) is not None
        )
        if error.frames and same and signature.symptom == "exception":
            return signature.model_copy(update={"frame": repository_frame(error.frames, survey)})
    return signature


def _of_expectation(expectation: Expectation) -> ErrorSignature:
    return ErrorSignature(
        symptom=expectation.kind,
        exception="AssertionError" if expectation.is_assertion else "",
        expected=expectation.expected[:1000],
        actual=expectation.actual[:1000],
        source=expectation.source,
    )


def _is_expected_only(error: ShownError, description: Description) -> bool:
    """Whether an error is told of as one that should come: "should raise ValueError: …"."""
    return bool(re.search(rf"should\s+(?:raise|throw)\s+\W*{re.escape(error.type)}", description.text))


def _in_prose(description: Description) -> ErrorSignature | None:
    for paragraph in (description.title, *description.prose):
        for match in _IN_PROSE.finditer(paragraph):
            before = paragraph[: match.start()]
            if _SHOULD_NOT.search(before):
                return ErrorSignature(symptom="exception", exception=match["type"].rpartition(".")[2], source="prose")
            is_told = match["message"] or match["quoted"] or _RAISING.search(paragraph)
            if is_told and not _SHOULD.search(before):
                message = (match["message"] or match["quoted"] or "").strip().rstrip(".")
                return ErrorSignature(
                    symptom="exception",
                    exception=match["type"].rpartition(".")[2],
                    message=message,
                    source="prose",
                )
    return None


def _own_in_prose(description: Description, survey: Survey) -> ErrorSignature | None:
    """Find an exception of the repository by its name, whatever it ends in."""
    own = sorted(exceptions_of(survey.bases), key=len, reverse=True)
    if not own:
        return None
    named = re.compile(
        rf"(?<![\w.])(?:[a-z_]\w{{0,80}}\.){{0,12}}(?P<type>{'|'.join(map(re.escape, own))})(?!\w)"
        r"(?::\s*(?P<message>[^`\n]{2,300}?)(?=`|\"(?:\s|$)|\n|$))?"
    )
    for paragraph in (description.title, *description.prose):
        for match in named.finditer(paragraph):
            before = paragraph[: match.start()]
            if (match["message"] or _RAISING.search(paragraph)) and not _SHOULD.search(before):
                message = (match["message"] or "").strip().rstrip(".")
                return ErrorSignature(symptom="exception", exception=match["type"], message=message, source="prose")
    return None


def _crash_or_hang(text: str) -> ErrorSignature | None:
    for shape, name in _CRASHES:
        if shape.search(text):
            return ErrorSignature(symptom="crash", exception=name, source="prose")
    return ErrorSignature(symptom="hang", source="prose") if _HANGS.search(text) else None
