"""A problem keeps its fingerprint from night to night, and two problems have two."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from repo_agent_dagster.ops.analysis.fingerprint import VERSION, fingerprint
from repo_agent_dagster.ops.analysis.fingerprint_v1 import fingerprint_v1
from repo_agent_dagster.ops.analysis.model import Anchor, Failure, Frame, Place
from repo_agent_dagster.ops.analysis.templates import Template
from tests.ops.failures import failure

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


CRASH = "TypeError: Cannot read properties of undefined (reading 'id')"


def frames(*places: str) -> tuple[Frame, ...]:
    """Frames of ``function@file:line``, the innermost first; those in node_modules are not ours."""
    parts = [place.partition("@") for place in places]
    return tuple(
        Frame(
            function or None, Anchor(file.rpartition(":")[0], int(file.rpartition(":")[2])), "node_modules" not in file
        )
        for function, _, file in parts
    )


def crash(*places: str, text: str = CRASH, exception: str = "TypeError", **fields: Any) -> Failure:
    return failure(text, exception=exception, frames=frames(*places), **fields)


def same(one: Failure, other: Failure) -> bool:
    return fingerprint(one).value == fingerprint(other).value


@pytest.mark.parametrize("number", range(len(PROBLEMS)))
def test_a_problem_keeps_its_fingerprint_from_night_to_night(number: int) -> None:
    seen = {fingerprint(failure(PROBLEMS[number](random.Random(night)))).value for night in range(200)}

    assert len(seen) == 1


def test_different_problems_have_different_fingerprints() -> None:
    seen = {fingerprint(failure(problem(random.Random(1)))).value for problem in PROBLEMS}

    assert len(seen) == len(PROBLEMS)


def test_the_place_the_kind_and_the_class_belong_to_it() -> None:
    failures = [
        failure("boom"),
        failure("boom", place=Place("build", "org/web", "CI", "test", "Deploy")),
        failure("boom", place=Place("build", "org/web", "CI", "lint", "Run tests")),
        failure("boom", place=Place("build", "org/web", "Nightly", "test", "Run tests")),
        failure("boom", place=Place("build", "org/api", "CI", "test", "Run tests")),
        failure("boom", place=Place("worker", "org/web")),
        failure("boom", exception="ValueError"),
    ]

    assert len({fingerprint(one).value for one in failures}) == len(failures)


def test_level_time_run_source_and_lines_around_do_not() -> None:
    other = failure("boom", level="fatal", ts=None, run_id="2", source="proxy", before="other", meta={"branch": "x"})

    assert same(failure("boom"), other)


def test_a_crash_is_told_by_its_class_and_the_innermost_frame_in_our_own_code() -> None:
    one = crash("get@/app/node_modules/x/i.js:1", "Cart.total@/home/runner/_work/shop/shop/src/cart.ts:12")

    assert same(one, crash("Cart.total@src/cart.ts:99", "main@src/main.ts:1", text="TypeError: x is not iterable"))
    assert not same(one, crash("Cart.add@src/cart.ts:12"))
    assert not same(one, crash("Cart.total@src/order.ts:12"))
    assert not same(one, crash("Cart.total@src/cart.ts:12", exception="RangeError"))


def test_error_codes_tell_crashes_of_one_frame_apart() -> None:
    refused = crash("send@src/http.ts:3", text="FetchError: connect ECONNREFUSED 10.0.0.1:80", exception="FetchError")
    missing = crash("send@src/http.ts:3", text="FetchError: HTTP 404 for /orders/17", exception="FetchError")

    assert not same(refused, missing)


def test_a_class_or_a_frame_that_says_nothing_counts_with_the_words() -> None:
    for exception, place in (("Error", "load@src/a.ts:3"), ("TypeError", "<anonymous>@src/a.ts:3")):
        one, again, other = (
            crash(place, text=text, exception=exception) for text in ("no cart 17", "no cart 99", "no stock")
        )
        assert same(one, again)
        assert not same(one, other)


def test_a_crash_keeps_its_fingerprint_when_its_step_is_renamed() -> None:
    other = Place("build", "org/web", "CI", "test", "Unit tests")

    assert same(crash("total@src/a.ts:1"), crash("total@src/a.ts:1", place=other))
    assert not same(failure("exit code 1"), failure("exit code 1", place=other))


def test_legs_of_a_matrix_have_the_same_problem() -> None:
    legs = [Place("build", "org/web", "CI", f"test (3.{n}, ubuntu)", f"Run tests on 3.{n}") for n in (11, 12)]

    assert same(failure("boom", place=legs[0]), failure("boom", place=legs[1]))


def test_a_failing_test_is_told_by_its_name_whatever_it_says() -> None:
    one = failure("assert 3 == 4", test="tests/test_cart.py::test_total[3-4]", exception="AssertionError")
    again = failure("assert 5 == 6", test="tests/test_cart.py::test_total[5-6]", exception="AssertionError")
    other = failure("assert 3 == 4", test="tests/test_cart.py::test_sum", exception="AssertionError")

    assert same(one, again)
    assert not same(one, other)


def test_tests_that_fail_by_a_crash_in_the_code_under_test_are_one_problem() -> None:
    one = crash("total@src/cart.py:3", "test_a@tests/test_a.py:9", test="tests/test_a.py::test_a")
    other = crash("total@src/cart.py:3", "test_b@tests/test_b.py:4", test="tests/test_b.py::test_b")
    apart = [crash(f"test_{n}@tests/test_a.py:9", test=f"tests/test_a.py::test_{n}") for n in "ab"]

    assert same(one, other)
    assert not same(*apart)


def test_tests_that_fail_in_a_fixture_they_share_are_one_problem() -> None:
    one, other = (
        crash("database@tests/conftest.py:7", exception="ConnectionRefusedError", test=f"tests/test_a.py::test_{n}")
        for n in "ab"
    )

    assert same(one, other)


def test_an_expectation_is_its_tests_own_wherever_it_stands() -> None:
    one, other = (
        crash("@src/lib.rs:19", text="assertion `left == right` failed", exception="panic", test=f"tests::seats_{n}")
        for n in "ab"
    )

    assert not same(one, other)


def test_tests_of_one_name_in_two_files_are_two() -> None:
    one, other = (failure("want 9", test="TestDrain", anchors=(Anchor(f"{n}_test.go", 4),)) for n in ("queue", "pool"))

    assert not same(one, other)


def finding(file: str, line: int, text: str, rule: str | None = None) -> Failure:
    return failure(text, tool="tsc", anchors=(Anchor(file, line),), rule=rule)


def test_a_compilers_finding_is_told_by_its_file_and_rule_and_not_by_its_line() -> None:
    one = finding("src/a.ts", 3, "TS2322: Type 'string' is not assignable to type 'number'.", "TS2322")

    assert same(one, finding("/home/runner/_work/web/web/src/a.ts", 8, "TS2322: Type 'Cart' is not", "TS2322"))
    assert not same(one, finding("src/b.ts", 3, one.headline, "TS2322"))
    assert not same(one, finding("src/a.ts", 3, "TS2532: Object is possibly undefined", "TS2532"))


def test_a_finding_without_a_rule_counts_with_its_words() -> None:
    one = finding("src/a.c", 3, "expected ';' before 'return'")

    assert same(one, finding("src/a.c", 9, one.headline))
    assert not same(one, finding("src/a.c", 3, "unknown type name 'cart_t'"))


def test_where_only_the_exit_code_is_told_the_command_counts() -> None:
    one, again, other = (
        failure("Process completed with exit code 1.", command=command)
        for command in ("./deploy.sh 17", "./deploy.sh 18", "make lint")
    )

    assert same(one, again)
    assert not same(one, other)


def test_the_cluster_of_the_headline_is_an_alias_where_words_count() -> None:
    one, other = failure("lost alice"), failure("lost bob")
    template = Template(7, "lost <*>")

    assert not same(one, other)
    assert fingerprint(one, template).aliases == fingerprint(other, template).aliases != ()
    assert fingerprint(one, Template(8, "lost <*>")).aliases != fingerprint(one, template).aliases
    assert fingerprint(one, Template(7, "lost <*>", ("alice",))).aliases != fingerprint(one, template).aliases
    assert fingerprint(crash("total@src/a.ts:1"), template).aliases == ()


def test_a_cluster_is_an_alias_within_its_place_source_and_class_only() -> None:
    template = Template(7, "lost <*>")
    failures = [
        failure("lost alice"),
        failure("lost alice", source="other"),
        failure("lost alice", exception="KeyError"),
        failure("lost alice", place=Place("worker", "shop")),
    ]

    assert len({fingerprint(one, template).aliases for one in failures}) == len(failures)


def test_what_it_was_by_version_1_is_known() -> None:
    text = "TypeError: x is not a function\n    at f (src/a.ts:1:2)"
    made = fingerprint(failure(text, kind="worker", exception="TypeError", frames=frames("f@src/a.ts:1")))

    assert VERSION == "2"
    assert fingerprint_v1("worker", "shop", text) in made.earlier
    assert made.value not in made.earlier


def test_text_that_is_no_unicode_has_a_fingerprint() -> None:
    assert len(fingerprint(failure("lost \ud800 half")).value) == 64
