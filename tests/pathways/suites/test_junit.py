"""JUnit reports: what the runners write is read to the test, and what an attacker writes does no harm."""

import pytest

from repo_agent_dagster.pathways.suites.reports.junit import parse_junit
from repo_agent_dagster.pathways.suites.reports.report import MAX_REPORT_BYTES, ReportUnreadable
from repo_agent_dagster.pathways.suites.testrun import TestCase

# As pytest 9 writes it with junit_family=xunit1, shortened.
PYTEST = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="2" failures="1" skipped="2" tests="6" time="0.047">
<testcase classname="" name="tests.test_b" file="tests/test_b.py" time="0.000"><error message="collection failure">
ImportError while importing test module</error></testcase>
<testcase classname="tests.test_a.TestC" name="test_m[1]" file="tests/test_a.py" line="2" time="0.000" />
<testcase classname="tests.test_a.TestC" name="test_m[a b]" file="tests/test_a.py" line="2" time="0.000">
<failure message="AssertionError: assert &apos;a b&apos; == 1">the traceback</failure></testcase>
<testcase classname="tests.test_a" name="test_t" file="tests/test_a.py" line="8" time="0.000">
<error message="failed on teardown">x</error></testcase>
<testcase classname="tests.test_a" name="test_xf" file="tests/test_a.py" line="9">
<skipped type="pytest.xfail" message="" /></testcase>
<testcase classname="tests.test_a" name="test_s" file="tests/test_a.py" line="11">
<skipped type="pytest.skip" message="unconditional skip">where</skipped></testcase>
</testsuite></testsuites>"""

# As Node.js 24 writes it, shortened; the escape sequence stands there raw, which is not even XML.
NODE = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testcase name="adds" time="0.0006" classname="test" file="/workspace/repo/test/a.test.js"/>
  <testcase name="fails \x1b[31mred" time="0.001" classname="test" file="/workspace/repo/test/a.test.js">
    <failure type="testCodeFailure" message="1 == 2">[Error]</failure></testcase>
  <testcase name="td" classname="test" file="/workspace/repo/test/a.test.js" failure="1 == 2">
    <skipped type="todo" message="true"/><failure type="testCodeFailure" message="1 == 2">[Error]</failure></testcase>
  <testsuite name="grp" time="0.001" disabled="0" errors="0" tests="3" failures="1" skipped="0">
    <testcase name="in" classname="test" file="/workspace/repo/test/a.test.js"/>
    <testsuite name="deep">
      <testcase name="x" classname="test" file="/workspace/repo/test/a.test.js"/></testsuite>
  </testsuite>
  <testcase name="test/b.test.js" classname="test" file="/workspace/repo/test/b.test.js" failure="test failed">
    <failure type="testCodeFailure" message="test failed">[Error: test failed]</failure></testcase>
  <!-- tests 10 -->
</testsuites>"""


def test_pytest_reports_are_read_with_the_ids_that_pytest_prints() -> None:
    cases = parse_junit(PYTEST).cases

    assert [(case.id, case.outcome) for case in cases] == [
        ("tests/test_b.py", "error"),
        ("tests/test_a.py::TestC::test_m[1]", "passed"),
        ("tests/test_a.py::TestC::test_m[a b]", "failed"),
        ("tests/test_a.py::test_t", "error"),
        ("tests/test_a.py::test_xf", "skipped"),
        ("tests/test_a.py::test_s", "skipped"),
    ]
    assert [case.id for case in cases if case.is_file] == ["tests/test_b.py"]


def test_failures_carry_the_runners_message() -> None:
    messages = {case.id: case.message for case in parse_junit(PYTEST).cases}

    assert messages["tests/test_a.py::TestC::test_m[a b]"] == "AssertionError: assert 'a b' == 1"


def test_node_reports_are_read_with_their_files_and_enclosing_suites() -> None:
    cases = parse_junit(NODE, root="/workspace/repo").cases

    assert [(case.id, case.outcome) for case in cases] == [
        ("test/a.test.js::adds", "passed"),
        ("test/a.test.js::fails ?[31mred", "failed"),
        ("test/a.test.js::td", "skipped"),
        ("test/a.test.js::grp::in", "passed"),
        ("test/a.test.js::grp::deep::x", "passed"),
        ("test/b.test.js", "failed"),
    ]
    assert [case.id for case in cases if case.is_file] == ["test/b.test.js"]


def test_other_runners_are_read_by_class_name_and_name() -> None:
    report = b'<testsuite><testcase classname="Cart" name="is empty"/><testcase name="alone"/></testsuite>'

    assert [case.id for case in parse_junit(report).cases] == ["Cart::is empty", "alone"]


def test_an_older_node_that_names_no_file_is_read_by_its_suites() -> None:
    report = b'<testsuites><testsuite name="grp"><testcase name="in" classname="test"/></testsuite></testsuites>'

    assert [case.id for case in parse_junit(report).cases] == ["grp::in"]


def test_a_failure_without_a_message_tells_the_first_part_of_its_text() -> None:
    report = b"<testsuite><testcase name='a'><failure>" + b"boom!" * 1000 + b"</failure></testcase></testsuite>"

    (case,) = parse_junit(report).cases

    assert case.message.startswith("boom!boom!")
    assert len(case.message) == 500


def test_the_teardown_error_of_a_failed_test_does_not_hide_the_failure() -> None:
    report = b"<testsuite><testcase name='a'><failure message='first'/><error message='second'/></testcase></testsuite>"

    assert parse_junit(report).cases == (TestCase("a", "failed", "first"),)


def test_durations_and_the_suite_of_a_test_are_told() -> None:
    cases = {case.id: case for case in parse_junit(PYTEST).cases}

    assert cases["tests/test_a.py::TestC::test_m[1]"].duration_seconds == 0.0
    assert cases["tests/test_a.py::TestC::test_m[1]"].suite == "tests/test_a.py::TestC"
    assert cases["tests/test_b.py"].suite == "tests/test_b.py"


def test_the_count_that_the_report_begins_with_is_told() -> None:
    assert parse_junit(PYTEST).collected == 6


def test_a_report_without_tests_is_no_error() -> None:
    assert parse_junit(b"<testsuites></testsuites>").cases == ()


BILLION_LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<testsuite><testcase name="&lol1;"/></testsuite>"""
EXTERNAL = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>'


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (BILLION_LAUGHS, "document type"),
        (EXTERNAL, "document type"),
        (b"<testsuite><testcase name='a'>", "not well-formed"),
        (b"", "not well-formed"),
        (b"\xff\xfe\x00garbage", "not well-formed"),
        (b"<html><testcase name='a'/></html>", "no JUnit"),
        (b"<testsuite>" * 65 + b"</testsuite>" * 65, "nested deeper"),
        (b" " * (MAX_REPORT_BYTES + 1), "is the limit"),
    ],
    ids=["billion-laughs", "external-entity", "cut-off", "empty", "garbage", "html", "deep", "large"],
)
def test_a_report_that_cannot_be_trusted_is_refused_with_the_reason(report: bytes, said: str) -> None:
    with pytest.raises(ReportUnreadable, match=said):
        parse_junit(report)
