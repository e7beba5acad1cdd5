"""No text makes redaction slow: time grows with the length of a line, whatever stands in it."""

import time

import pytest

from repo_agent_dagster.redaction import LineRedactor, may_hold_secret, redact, redact_source
from repo_agent_dagster.redaction.shapes import SHAPES
from tests.redaction.made_secrets import private_key

CHARACTERS = 200_000
SECONDS = 1.5
UNITS = [
    *("a-", "token", "://a", "password ", "-----BEGIN ", "eyJ.", "eyJ-", "basic ", "secret:'", "token=", "token:"),
    *("auth:", "auth:password:", 'key="', '\\"token\\":\\"', "Authorization: ", "cookie: a=", "?code=", "&sig=a"),
    *("--token ", "<token>", "<token>a</token>", "--", "--a", "://a:b@", "://@", "sk-", "SG.a", "password=aaaaaaaa "),
    *("token = a.", "secret=(", "=", "@", "token=========", "api_key_", "\\", "token=\\", "passwd\t", "x" * 63 + " "),
    *("AKIAAKIAAKIAAKIA ", "q~", "8Q~", "azdo"),
    private_key()[0],
    private_key()[0] + "\n",
    "auth=" + "a" * 150 + "auth=",
]  # fmt: skip


@pytest.mark.parametrize("unit", [*UNITS, *dict.fromkeys(shape.signs[0].replace("#", "0") for shape in SHAPES)])
def test_no_line_makes_redaction_slow(unit: str) -> None:
    text = unit * (CHARACTERS // len(unit))
    for work in (may_hold_secret, redact, redact_source):
        began = time.process_time()
        work(text)
        assert time.process_time() - began < SECONDS, work


def test_a_line_that_never_ends_within_a_private_key_is_not_slow() -> None:
    redactor = LineRedactor()
    redactor.redact(private_key()[0])
    began = time.process_time()

    for unit in ("A", "A ", "=", " ", "A" * 40 + "=="):
        redactor.redact(unit * (CHARACTERS // len(unit)))

    assert time.process_time() - began < SECONDS
