"""Version 1 of the fingerprint gives what it always gave: issues that were opened under it are found by it."""

import pytest

from repo_agent_dagster.ops.analysis.fingerprint_v1 import exception_class, fingerprint_v1


@pytest.mark.parametrize(
    ("message", "worker", "build"),
    [
        (
            "TypeError: Cannot read properties of undefined (reading 'id') for order 48213",
            *("e4250ef529509d2c", "e5b81f2ea8b173f8"),
        ),
        ("src/a.ts(3,7): error TS2322: Type 'string' is not assignable", "3a86a251928f6e0f", "5400724a6afd7c20"),
        (
            "request 8f2b6c1e-9a41-4c5b-9d2e-7f3a11c0aa10 failed with status 503 after 12 ms",
            *("62d4b1de5796817c", "e1377aec6b5c4cac"),
        ),
        (
            "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 'a'",
            *("7c8b8c1b9223fbe9", "7774f0e00c7575bc"),
        ),
        ("login of [REDACTED:bearer] failed", "807ddd305debf242", "6ddaef71b1ad960a"),
        ("login of [REDACTED:bearer:1a2b3c4d] failed", "807ddd305debf242", "6ddaef71b1ad960a"),
    ],
)
def test_a_value_is_what_it_was(message: str, worker: str, build: str) -> None:
    assert fingerprint_v1("worker", "shop", message)[:16] == worker
    assert fingerprint_v1("build", "org/web", message)[:16] == build


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
