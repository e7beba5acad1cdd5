"""Read a JUnit XML report that untrusted code has written: no entities, no doctype, bounded size and depth."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from xml.parsers import expat

from repo_agent_dagster.pathways.suites.reports.report import (
    ID_CHARACTERS,
    MESSAGE_CHARACTERS,
    Report,
    ReportUnreadable,
    clean,
    require_count,
    require_size,
    seconds,
)
from repo_agent_dagster.pathways.suites.testrun import Outcome, TestCase, suite_of

MAX_DEPTH = 64

# Node.js writes escape sequences of test names and messages as they are; XML 1.0 forbids all of these.
_CONTROL_TO_QUESTION_MARK = bytes(ord("?") if byte < 32 and byte not in b"\t\n\r" else byte for byte in range(256))

_NODE_CLASSNAME = "test"
"""The class name that Node.js gives to every case; the enclosing `describe`s are nested suites instead."""


def parse_junit(report: bytes, *, root: str = "") -> Report:
    """Return the cases of a JUnit XML report, in its order. Paths in ids are made relative to `root`.

    Raises:
        ReportUnreadable: the report is too large, not well-formed, no JUnit, or uses a doctype.
    """
    require_size(report, "JUnit")
    reader = _Reader(root.rstrip("/"))
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(report.translate(_CONTROL_TO_QUESTION_MARK), True)
    except (expat.ExpatError, UnicodeError, ValueError) as error:  # an unknown encoding is a ValueError
        raise ReportUnreadable(f"the JUnit report is not well-formed XML: {error}") from error
    if not reader.is_junit:
        raise ReportUnreadable("the report is XML but no JUnit: its first element is neither testsuites nor testsuite")
    return Report(tuple(reader.cases), collected=reader.collected)


def _refuse_doctype(name: str, *_declaration: object) -> None:
    # Entities, and with them every expansion attack, can only be declared in a doctype; no runner writes one.
    raise ReportUnreadable(f"the JUnit report declares a document type ({name}), which is refused")


@dataclass
class _OpenCase:
    """A `testcase` element whose end has not been seen yet."""

    id: str
    is_file: bool
    seconds: float | None = None
    suite: str = ""
    skipped_as: str | None = None
    failed_as: Outcome | None = None
    message: str = ""
    details: list[str] = field(default_factory=list)

    def close(self) -> TestCase:
        # A `todo` test of Node.js that fails carries both elements and does not fail the run.
        if self.failed_as is not None and self.skipped_as != "todo":
            text = self.message or "".join(self.details).strip()
            return self._case(self.failed_as, text, is_file=self.is_file)
        if self.skipped_as is not None:
            return self._case("skipped", self.message)
        return self._case("passed", "")

    def _case(self, outcome: Outcome, message: str, *, is_file: bool = False) -> TestCase:
        suite = self.suite if "::" not in self.id and not is_file else suite_of(self.id)
        return TestCase(self.id, outcome, clean(message, MESSAGE_CHARACTERS), is_file, self.seconds, suite)


class _Reader:
    """Turns the events of the XML parser into cases."""

    def __init__(self, root: str) -> None:
        self.cases: list[TestCase] = []
        self.is_junit = False
        self.collected: int | None = None
        self._root = root
        self._elements: list[str] = []
        self._suites: list[str] = []
        self._case: _OpenCase | None = None

    def start(self, element: str, attributes: dict[str, str]) -> None:
        if not self._elements:
            self.is_junit = element in ("testsuites", "testsuite")
        self._elements.append(element)
        if len(self._elements) > MAX_DEPTH:
            raise ReportUnreadable(f"the JUnit report is nested deeper than {MAX_DEPTH} elements")
        if element == "testsuite":
            self._suites.append(attributes.get("name", ""))
            if self._elements.count("testsuite") == 1:
                self.collected = _sum(self.collected, attributes.get("tests", ""))
        elif element == "testcase":
            require_count(len(self.cases) + 1, "JUnit")
            case_id, is_file = _identify(attributes, self._suites, self._root)
            self._case = _OpenCase(
                case_id[:ID_CHARACTERS],
                is_file,
                _duration(attributes.get("time", "")),
                (self._suites[-1] if self._suites else "")[:ID_CHARACTERS],
            )
        elif self._case is not None and element in ("failure", "error"):
            # The first one tells why; an error that follows a failure is its teardown.
            self._case.failed_as = self._case.failed_as or ("failed" if element == "failure" else "error")
            self._case.message = self._case.message or attributes.get("message", "")
        elif self._case is not None and element == "skipped":
            self._case.skipped_as = attributes.get("type", "skipped")

    def text(self, data: str) -> None:
        case = self._case
        if case is not None and self._elements[-1] in ("failure", "error") and len(case.details) < MESSAGE_CHARACTERS:
            case.details.append(data[:MESSAGE_CHARACTERS])

    def end(self, element: str) -> None:
        self._elements.pop()
        if element == "testsuite":
            self._suites.pop()
        elif element == "testcase" and self._case is not None:
            self.cases.append(self._case.close())
            self._case = None


def _duration(text: str) -> float | None:
    try:
        return seconds(float(text))
    except ValueError:
        return None


def _sum(total: int | None, told: str) -> int | None:
    if not (told.isascii() and told.isdigit() and len(told) < 9):
        return total
    return (total or 0) + int(told)


def _identify(attributes: dict[str, str], suites: list[str], root: str) -> tuple[str, bool]:
    """Return the case's id and whether it stands for a file that did not load."""
    name, classname = attributes.get("name", ""), attributes.get("classname", "")
    file = attributes.get("file", "").removeprefix(f"{root}/")
    if classname == _NODE_CLASSNAME:
        if not file:
            return "::".join([*suites, name]), False
        # Node.js names a file that does not load by its path.
        if name.removeprefix(f"{root}/") == file:
            return file, True
        return "::".join([file, *suites, name]), False
    if not file:
        return "::".join(part for part in (classname, name) if part), False
    # pytest (junit_family=xunit1): the class name is the module's dotted path, then the classes.
    module = ".".join(PurePosixPath(file).with_suffix("").parts)
    if not classname and name in (module, file):
        return file, True
    classes = classname.removeprefix(module).strip(".")
    return "::".join(part for part in (file, *classes.split("."), name) if part), False
