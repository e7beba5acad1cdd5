"""A private key is taken out over all of its lines, however a log holds them."""

import json

import pytest

from repo_agent_dagster.redaction import LineRedactor, redact, redact_source
from tests.redaction.made_secrets import made, private_key

BEGIN, *BODY, END = private_key()


def assert_nothing_left(text: str) -> None:
    """Fail when a line of the key is still there."""
    for line in BODY:
        assert line not in text
        assert line[:30] not in text


@pytest.mark.parametrize(
    "text",
    [
        "\n".join([BEGIN, *BODY, END]),
        "\r\n".join([BEGIN, *BODY, END]),
        "\\n".join([BEGIN, *BODY, END]),
        json.dumps({"key": "\n".join([BEGIN, *BODY, END])}),
        json.dumps(json.dumps({"key": "\n".join([BEGIN, *BODY, END])})),
        " ".join([BEGIN, *BODY, END]),
        "\n".join(f"2026-03-04T00:00:00.0000000Z {line}" for line in [BEGIN, *BODY, END]),
        "\n".join(f"web_1  | {line}" for line in [BEGIN, *BODY, END]),
        "\n".join([BEGIN, *BODY]),
        "\\n".join([BEGIN, *BODY])[:-20] + "…",
        "\n".join(private_key("OPENSSH ")),
        "\n".join([BEGIN, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A1B", "", *BODY, END]),
        "\n".join(["-----BEGIN PGP PRIVATE " + "KEY BLOCK-----", "Version: GnuPG v2", "", *BODY, "=aB3d"]),
    ],
)
def test_a_private_key_in_one_text_goes(text: str) -> None:
    once = redact(text)

    assert_nothing_left(once)
    assert "PRIVATE KEY" in once
    assert redact(once) == once
    assert_nothing_left(redact_source(text))


def test_a_private_key_over_the_lines_of_a_log_goes_and_lines_keep_their_number() -> None:
    redactor = LineRedactor()
    lines = ["before", BEGIN, *BODY, END, "after", made(64, seed="other")]

    redacted = [redactor.redact(line) for line in lines]

    assert len(redacted) == len(lines)
    assert_nothing_left("\n".join(redacted))
    assert redacted[0] == "before"
    assert redacted[-2:] == ["after", made(64, seed="other")]
    assert redactor.count == len(BODY)


def test_a_log_in_which_other_lines_stand_between_those_of_a_key_loses_the_key_alone() -> None:
    redactor = LineRedactor()
    mixed = [
        BEGIN,
        *(line for pair in zip(BODY, [f"GET /v1/orders/{n} 200" for n in range(20)], strict=False) for line in pair),
    ]

    redacted = [redactor.redact(line) for line in mixed]

    assert_nothing_left("\n".join(redacted))
    assert "GET /v1/orders/3 200" in redacted


def test_the_cheap_test_knows_that_a_key_goes_on() -> None:
    redactor = LineRedactor()
    assert not redactor.may_hold_secret(BODY[0])
    assert redactor.may_hold_secret(BEGIN)

    redactor.redact(BEGIN)

    assert redactor.may_hold_secret(BODY[0])


def test_a_key_that_never_ends_does_not_hide_what_comes_after_it() -> None:
    redactor = LineRedactor()
    redactor.redact(BEGIN)
    for number in range(30):
        assert redactor.redact(f"line {number}") == f"line {number}"

    assert redactor.redact(made(64, seed="other")) == made(64, seed="other")
    assert not redactor.may_hold_secret("line")


def test_values_of_records_carry_a_key_from_one_to_the_next() -> None:
    redactor = LineRedactor()
    records = [redactor.redact_value({"line": line, "n": 1}) for line in [BEGIN, *BODY, END]]

    assert_nothing_left(json.dumps(records))
