"""Reports of runners besides JUnit: what they write is read to the test, and what an attacker writes does no harm."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.pathways.suites.reports.cargo_text import parse_cargo
from repo_agent_dagster.pathways.suites.reports.events import parse_events
from repo_agent_dagster.pathways.suites.reports.go_json import parse_go
from repo_agent_dagster.pathways.suites.reports.jest_json import parse_jest
from repo_agent_dagster.pathways.suites.reports.junit import parse_junit
from repo_agent_dagster.pathways.suites.reports.lcov import parse_lcov
from repo_agent_dagster.pathways.suites.reports.reading import read_reports
from repo_agent_dagster.pathways.suites.reports.report import MAX_REPORT_BYTES, ReportUnreadable
from repo_agent_dagster.pathways.suites.reports.tap import parse_tap

PARSERS: dict[str, Callable[[bytes], object]] = {
    "cargo": parse_cargo,
    "events": parse_events,
    "go": parse_go,
    "jest": parse_jest,
    "junit": parse_junit,
    "lcov": parse_lcov,
    "tap": parse_tap,
}

JEST = json.dumps(
    {
        "numTotalTests": 4,
        "testResults": [
            {
                "name": "/clone/a.test.js",
                "status": "failed",
                "assertionResults": [
                    {"ancestorTitles": [], "title": "adds", "status": "passed", "duration": 3},
                    {
                        "ancestorTitles": ["group", "deep"],
                        "title": "bad",
                        "status": "failed",
                        "failureMessages": ["\x1b[31mboo\x1b[39m"],
                    },
                    {"ancestorTitles": ["group"], "title": "later", "status": "pending", "duration": None},
                    {"ancestorTitles": [], "title": "some day", "status": "todo"},
                ],
            },
            {"name": "/clone/b.test.js", "status": "failed", "message": "does not load", "assertionResults": []},
        ],
    }
).encode()

GO_EVENTS = [
    {"Action": "run", "Package": "acme/shop", "Test": "TestTotal"},
    {"Action": "output", "Package": "acme/shop", "Test": "TestTotal", "Output": "=== RUN   TestTotal\n"},
    {"Action": "output", "Package": "acme/shop", "Test": "TestTotal", "Output": "    cart_test.go:9: got 2\n"},
    {"Action": "fail", "Package": "acme/shop", "Test": "TestTotal", "Elapsed": 0.25},
    {"Action": "run", "Package": "acme/shop", "Test": "TestZero"},
    {"Action": "pass", "Package": "acme/shop", "Test": "TestZero", "Elapsed": 0},
    {"Action": "skip", "Package": "acme/shop", "Test": "TestSlow"},
    {"Action": "fail", "Package": "acme/shop", "Elapsed": 0.3},
    {"Action": "output", "Package": "acme/broken", "Output": "x.go:1: undefined: y\n"},
    {"Action": "fail", "Package": "acme/broken"},
]
GO = b"# acme/broken\n" + b"".join(json.dumps(event).encode() + b"\n" for event in GO_EVENTS)

CARGO = b"""\
   Compiling shop v0.1.0 (/clone)
     Running unittests src/lib.rs (target/debug/deps/shop-1f)

running 3 tests
test cart::tests::adds ... ok
test cart::tests::slow ... ignored, takes long
test cart::tests::bad - should panic ... FAILED

failures:

---- cart::tests::bad stdout ----
thread 'cart::tests::bad' panicked at src/lib.rs:9:5:
assertion `left == right` failed

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests shop

running 1 test
test src/lib.rs - total (line 3) ... ok
"""

TAP = b"""\
TAP version 14
# Subtest: inner
    ok 1 - part
    1..1
ok 1 - inner
not ok 2 - bad
  ---
  message: boo
  ...
ok 3 - later # SKIP not now
not ok 4 - some day # TODO
ok
ok - bad
1..6
"""


def outcomes(cases: tuple[object, ...]) -> list[tuple[str, str]]:
    return [(case.id, case.outcome) for case in cases]  # type: ignore[attr-defined]


def test_jest_and_vitest_tell_files_groups_and_titles() -> None:
    report = parse_jest(JEST, root="/clone")

    assert outcomes(report.cases) == [
        ("a.test.js::adds", "passed"),
        ("a.test.js::group::deep::bad", "failed"),
        ("a.test.js::group::later", "skipped"),
        ("a.test.js::some day", "skipped"),
        ("b.test.js", "error"),
    ]
    assert (report.cases[0].duration_seconds, report.cases[1].message, report.cases[1].suite) == (
        0.003,
        "boo",
        "a.test.js::group::deep",
    )
    assert (report.cases[4].is_file, report.collected) == (True, 5)


def test_go_tells_packages_tests_and_a_package_that_does_not_compile() -> None:
    report = parse_go(GO)

    assert outcomes(report.cases) == [
        ("acme/shop::TestTotal", "failed"),
        ("acme/shop::TestZero", "passed"),
        ("acme/shop::TestSlow", "skipped"),
        ("acme/broken", "error"),
    ]
    assert (report.cases[0].message, report.cases[0].duration_seconds) == ("cart_test.go:9: got 2", 0.25)
    assert (report.ended, report.collected) == (True, 4)


def test_a_go_test_that_began_and_never_ended_leaves_the_report_open() -> None:
    report = parse_go(b"\n".join(GO.split(b"\n")[:2]))

    assert (report.ended, report.collected, report.cases) == (False, 1, ())


def test_cargo_tells_the_binary_and_the_path_of_each_test() -> None:
    report = parse_cargo(CARGO)

    assert outcomes(report.cases) == [
        ("src/lib.rs::cart::tests::adds", "passed"),
        ("src/lib.rs::cart::tests::slow", "skipped"),
        ("src/lib.rs::cart::tests::bad", "failed"),
        ("shop::src/lib.rs - total (line 3)", "passed"),
    ]
    assert report.cases[2].message.startswith("thread 'cart::tests::bad' panicked at src/lib.rs:9:5:")
    assert report.collected == 4


def test_tap_tells_the_outermost_points_with_their_directives() -> None:
    report = parse_tap(TAP)

    assert outcomes(report.cases) == [
        ("inner", "passed"),
        ("bad", "failed"),
        ("later", "skipped"),
        ("some day", "skipped"),
        ("test 5", "passed"),
        ("bad (2)", "passed"),
    ]
    assert (report.collected, report.ended) == (6, True)


def test_tapes_tests_are_named_by_the_comment_before_their_assertions() -> None:
    printed = (
        b"TAP version 13\n# adds\nok 1 equal\nok 2 equal\n# breaks\nnot ok 3 equal\n\n1..3\n# tests 3\n# pass  2\n"
    )

    report = parse_tap(printed)

    assert outcomes(report.cases) == [
        ("adds::equal", "passed"),
        ("adds::equal (2)", "passed"),
        ("breaks::equal", "failed"),
    ]
    assert report.cases[2].suite == "breaks"


def test_tap_that_bails_out_or_has_no_plan_is_not_at_its_end() -> None:
    assert not parse_tap(b"ok 1\n").ended
    bailed = parse_tap(b"1..3\nok 1\nBail out! no database\n")
    assert (bailed.ended, bailed.cases[-1].outcome, bailed.cases[-1].message) == (False, "error", "no database")


def test_our_own_lines_tell_all_and_a_last_one_that_was_cut_off_is_left_out() -> None:
    whole = {"case": "/clone/a.js::x", "outcome": "failed", "seconds": 0.5, "message": "no\x00", "container": True}
    lines = [json.dumps(whole), '{"collected": 2}', '{"coverage": {"/clone/l.js": {"1": 3}}}', '{"case": "/clone/a.']

    report = parse_events("\n".join(lines).encode(), root="/clone")

    (case,) = report.cases
    assert (case.id, case.outcome, case.duration_seconds, case.message, case.is_file) == (
        "a.js::x",
        "failed",
        0.5,
        "no?",
        True,
    )
    assert (report.collected, report.ended, report.coverage) == (2, False, {"l.js": {1: 3}})


def test_lcov_tells_the_hits_of_lines_and_the_same_file_twice_adds_up_to_the_most() -> None:
    content = b"TN:\nSF:/clone/a.py\nDA:1,0\nDA:2,5,checksum\nend_of_record\nSF:a.py\nDA:1,1\nDA:x,1\nend_of_record\n"

    assert parse_lcov(content, root="/clone") == {"a.py": {1: 1, 2: 5}}


@pytest.mark.parametrize(
    ("parser", "content", "said"),
    [
        ("jest", b"{}", "no testResults"),
        ("jest", b'{"testResults": [1]}', "no object"),
        ("jest", b"[" * 100_000, "cannot be read"),
        ("events", b"[]\n", "no object"),
        ("events", b'{"case": 1}\n', "no test"),
        ("events", b'{"case": "a", "outcome": "fine"}\n', "no test"),
        ("go", b"ok  acme/shop 0.1s\n", "no line of it is an event"),
        ("cargo", b"error: could not compile\n", "no test binary"),
        ("tap", b"all fine\n", "neither a plan nor a test point"),
        *((name, b" " * (MAX_REPORT_BYTES + 1), "is the limit") for name in PARSERS),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(parser: str, content: bytes, said: str) -> None:
    with pytest.raises(ReportUnreadable, match=said):
        PARSERS[parser](content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["case", "x", "1"]), inner, max_size=3),
    max_leaves=8,
)
_KEYS = (
    "case",
    "outcome",
    "seconds",
    "message",
    "collected",
    "coverage",
    "ended",
    "Action",
    "Test",
    "Package",
    "Output",
)
_LINES = st.lists(st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=5), max_size=5).map(
    lambda events: "".join(json.dumps(event) + "\n" for event in events).encode()
)
_FILES = st.fixed_dictionaries(
    {
        "testResults": st.lists(
            st.dictionaries(st.sampled_from(["name", "status", "assertionResults"]), _JSON), max_size=3
        )
    }
).map(lambda told: json.dumps(told).encode())


@pytest.mark.parametrize("parser", PARSERS)
@given(
    content=st.binary(max_size=300)
    | st.text(alphabet='ok not#1.\n{}"[]:,<>/', max_size=80).map(str.encode)
    | _LINES
    | _FILES
)
def test_whatever_stands_in_a_report_it_is_read_or_refused(parser: str, content: bytes) -> None:
    with suppress(ReportUnreadable):
        PARSERS[parser](content)


@given(
    files=st.dictionaries(st.sampled_from(["pytest-1.xml", "pytest-1.jsonl", "node-2.jsonl", "jest.json", "x"]), _LINES)
)
def test_whatever_files_a_run_leaves_reading_them_is_an_answer(files: dict[str, bytes]) -> None:
    assert read_reports(files, root="/clone").raw == files
