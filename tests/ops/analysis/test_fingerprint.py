"""A problem keeps its fingerprint from night to night, and two problems have two."""

import random
from collections.abc import Callable

import pytest

from repo_agent_dagster.ops.analysis.fingerprint import exception_class, fingerprint
from tests.ops.incident_records import record

Night = random.Random


def hexes(night: Night, n: int) -> str:
    return "".join(night.choice("0123456789abcdef") for _ in range(n))


def uuid(night: Night) -> str:
    return "-".join(hexes(night, n) for n in (8, 4, 4, 4, 12))


# Each with what changes from one occurrence to the next: ids, ports, times, paths, durations, line numbers.
PROBLEMS: list[Callable[[Night], str]] = [
    lambda r: f"TypeError: Cannot read properties of undefined (reading 'id') for order {r.randint(1, 99999)}",
    lambda r: f"TypeError: Cannot read properties of undefined (reading 'name') for order {r.randint(1, 99999)}",
    lambda r: (
        f"connect ECONNREFUSED 10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 9)}:{r.randint(1024, 65535)}"
    ),
    lambda r: f"connect ETIMEDOUT [2001:db8::{hexes(r, 4)}]:{r.randint(1024, 65535)}",
    lambda r: f"request {uuid(r)} failed with status 503 after {r.randint(1, 30000)} ms",
    lambda r: f"request {uuid(r)} failed with status 404 after {r.randint(1, 30000)}ms",
    lambda r: f"src/a.ts({r.randint(1, 999)},{r.randint(1, 80)}): error TS2322: Type 'string' is not assignable",
    lambda r: f"src/a.ts({r.randint(1, 999)},{r.randint(1, 80)}): error TS2532: Object is possibly undefined",
    lambda r: f"cannot open /tmp/build-{hexes(r, 6)}/out/{r.randint(1, 99)}.bin: no such file",
    lambda r: (
        f"lock held by pid {r.randint(2, 99999)} "
        f"since 2026-03-{r.randint(10, 28)}T0{r.randint(0, 9)}:11:12.{r.randint(0, 999)}Z"
    ),
    lambda r: (
        f"GET https://api.example.com:{r.randint(1024, 65535)}/v1/users/{r.randint(1, 9**9)}?t={hexes(r, 12)} timed out"
    ),
    lambda r: (
        f"cache key user:{r.randint(1, 9**9)}:cart "
        f"evicted at {r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)}"
    ),
    lambda r: f"commit 1{hexes(r, 39)} is not an ancestor of 2{hexes(r, 39)}",
    lambda r: f"pod checkout-api-7{hexes(r, 8)}-x{r.randint(0, 9)}x2z evicted: node pressure",
    lambda r: (
        f"deadlock detected: process {r.randint(1, 9999)} waits for ShareLock on transaction {r.randint(1, 10**8)}"
    ),
    lambda r: (
        f"AssertionError: expected {r.randint(1, 99)} to equal {r.randint(100, 999)}\n"
        f"  at t (x.js:{r.randint(1, 99)}:1)"
    ),
    lambda r: f"Process completed with exit code 1 in job {r.randint(1, 10**9)}.",
    lambda r: f"Process completed with exit code 137 in job {r.randint(1, 10**9)}.",
    lambda r: f"session 0x{hexes(r, 12)} of user{r.randint(1, 99)}@example.com expired",
    lambda r: f"heap at {r.random() * 100:.1f} % of {r.randint(1, 64)}GB after {r.randint(1, 9999)}.{r.randint(0, 9)}s",
]


@pytest.mark.parametrize("number", range(len(PROBLEMS)))
def test_a_problem_keeps_its_fingerprint_from_night_to_night(number: int) -> None:
    seen = {fingerprint(record(PROBLEMS[number](random.Random(night)))) for night in range(200)}

    assert len(seen) == 1


def test_different_problems_have_different_fingerprints() -> None:
    seen = {fingerprint(record(problem(random.Random(1)))) for problem in PROBLEMS}

    assert len(seen) == len(PROBLEMS)


def test_the_place_and_the_kind_belong_to_the_fingerprint() -> None:
    lines = [
        record("boom"),
        record("boom", place="other"),
        record("boom", kind="build", place="shop"),
        record("boom", meta={"exception": "ValueError"}),
    ]

    assert len({fingerprint(line) for line in lines}) == 4


def test_level_time_run_and_stack_do_not_belong_to_it() -> None:
    one = record("KeyError: 'a'\n  at f (a.js:1:2)", run_id="1")
    other = record("KeyError: 'a'\n  at g (b.js:9:9)\n  at h", level="fatal", run_id="2", meta={"branch": "x"})

    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("message", "meta", "expected"),
    [
        ("TypeError: x", None, "TypeError"),
        ("Uncaught (in promise) RangeError: x", {}, "RangeError"),
        ("psycopg.errors.QueryCanceledError: x", None, "psycopg.errors.QueryCanceledError"),
        ("java.lang.NullPointerException", None, "java.lang.NullPointerException"),
        ("all is lost", {"exception": "KeyError"}, "KeyError"),
        ("all is lost", {"exception": 5, "error_name": "no class"}, None),
        ("an Error occurred", None, None),
        ("TypeErrors are common", None, None),
    ],
)
def test_the_exception_class_is_read_from_meta_or_headline(
    message: str, meta: dict[str, object] | None, expected: str | None
) -> None:
    assert exception_class(message, meta) == expected
