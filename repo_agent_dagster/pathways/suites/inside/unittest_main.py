"""Runs ``python -m unittest`` with its own arguments, and writes each test's outcome as it happens."""

import hashlib
import json
import os
import sys
import time
import unittest
from typing import Any, Dict, Iterator, List, Optional, TextIO  # Python 3.8 reads this, too

_REPORTS = os.environ["REPO_AGENT_REPORTS"]


class _Result(unittest.TextTestResult):
    """Tells people what unittest tells them, and the report what happened."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._file = _open_report()
        self._begun = 0.0
        self._bad_parts = ""

    def startTest(self, test: unittest.TestCase) -> None:
        self._begun, self._bad_parts = time.monotonic(), ""
        super().startTest(test)

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._write(test, "passed", "")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self._write(test, "failed", self.failures[-1][1])

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self._write(test, "error", self.errors[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._write(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._write(test, "skipped", "expected failure")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._write(test, "failed", "unexpected success")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._bad_parts += self._exc_info_to_string(err, test)  # type: ignore[attr-defined]

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        if self._bad_parts:  # unittest tells of no success of a test of which a part failed
            self._write(test, "failed", self._bad_parts)

    def _write(self, test: unittest.TestCase, outcome: str, message: str) -> None:
        # A part that raised is told before the test that holds it; the test is told at its end.
        case = {"case": _id(test), "outcome": outcome, "seconds": round(time.monotonic() - self._begun, 6)}
        lines = message.strip().splitlines()
        told = lines[-1] if lines else ""
        print(json.dumps({**case, "message": told, "container": _is_container(test)}), file=self._file, flush=True)


class _Runner(unittest.TextTestRunner):
    """Runs what is asked for, and tells how much that is."""

    resultclass = _Result

    def run(self, test: Any) -> Any:
        cases = [case for case in _cases(test) if _is_asked_for(_id(case))]
        print(json.dumps({"collected": len(cases)}), file=_open_report(), flush=True)
        if os.environ.get("REPO_AGENT_ONLY") or os.environ.get("REPO_AGENT_SHARD"):
            test = unittest.TestSuite(cases)
        coverage = _coverage()
        try:
            result = super().run(test)
            print(json.dumps({"ended": True}), file=_open_report(), flush=True)
            if result.testsRun == 0 and not result.errors:
                sys.exit(5)  # as unittest itself does from Python 3.12 on
            return result
        finally:
            if coverage is not None:
                coverage.stop()
                coverage.lcov_report(outfile=os.path.join(_REPORTS, "unittest.lcov"), ignore_errors=True)


def _open_report() -> TextIO:
    return open(os.path.join(_REPORTS, "unittest-{}.jsonl".format(os.getpid())), "a", encoding="utf-8")


def _cases(suite: Any) -> Iterator[Any]:
    try:
        members: Optional[List[Any]] = list(suite)
    except TypeError:
        members = None
    if members is None:
        yield suite
        return
    for member in members:
        yield from _cases(member)


def _id(test: Any) -> str:
    """Return ``file::Class::method``, as other runners name tests; unittest's own id where there is no file."""
    name = test.id()
    if _is_container(test):
        return str(name)
    module = sys.modules.get(type(test).__module__)
    file = getattr(module, "__file__", None)
    method = name.rpartition(".")[2]
    if not file or not name.startswith(type(test).__module__):
        return str(name)
    return "::".join([os.path.relpath(file), type(test).__qualname__, method])


def _is_container(test: Any) -> bool:
    # A module that cannot be imported, or the set-up of a class or module.
    return type(test).__name__ in ("_FailedTest", "_ErrorHolder", "ModuleSkipped")


def _is_asked_for(case: str) -> bool:
    only, shard = os.environ.get("REPO_AGENT_ONLY"), os.environ.get("REPO_AGENT_SHARD")
    if only and case not in _ids(only) and case.split("::")[0] not in _ids(only):
        return False
    if shard:
        part, parts = (int(number) for number in shard.split("/"))
        return int(hashlib.sha256(case.split("::")[0].encode()).hexdigest()[:8], 16) % parts + 1 == part
    return True


_read: Dict[str, List[str]] = {}


def _ids(path: str) -> List[str]:
    if path not in _read:
        with open(path, encoding="utf-8") as file:
            _read[path] = json.load(file)
    return _read[path]


def _coverage() -> Any:
    if os.environ.get("REPO_AGENT_COVERAGE") != "1":
        return None
    try:
        import coverage
    except ImportError:
        return None
    measured = coverage.Coverage(data_file=None, source=["."])
    measured.start()
    return measured


if __name__ == "__main__":
    sys.path[0] = os.getcwd()  # as `python -m unittest` has it
    sys.argv[0] = "python -m unittest"
    unittest.main(module=None, testRunner=_Runner)
