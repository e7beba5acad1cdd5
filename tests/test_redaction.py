"""Secrets of known shapes go, ordinary text stays. Made-up secrets are put together so that no scanner takes them."""

import json

import pytest

from repo_agent_dagster.redaction import may_hold_secret, redact, redact_source, redact_value

A20 = "Aa1" * 7

SECRETS = [
    ("Authorization: Bearer " + A20, A20),
    ("authorization: basic " + "dXNlcjpw" + "YXNzd29yZA==", "dXNlcjpw"),
    ("fetch https://bob:" + "hunter2" + "@example.com/x failed", "hunter2"),
    ("password=" + "hunter2", "hunter2"),
    ('"api_key": "' + A20 + '"', A20),
    ("DB_PASSWORD='" + "hunter22" + "'", "hunter22"),
    ("AWS_SECRET_ACCESS_KEY=" + A20, A20),
    ("clientSecret: " + A20, A20),
    ("GET /cb?access_token=" + A20 + "&x=1", A20),
    ("Set-Cookie: sid=" + A20 + "; Path=/", A20),
    ("using gh" + "p_" + A20, A20),
    ("using github" + "_pat_" + A20, A20),
    ("using gl" + "pat-" + A20, A20),
    ("id AK" + "IA" + "ABCDEFGH12345678", "ABCDEFGH12345678"),
    ("key AI" + "za" + A20 + A20, A20),
    ("xo" + "xb-" + A20, A20),
    ("s" + "k-" + A20, A20),
    ("s" + "k_live_" + A20, A20),
    ("np" + "m_" + A20 + A20, A20),
    ("jwt ey" + "J" + A20 + "." + A20 + "." + A20, A20),
    ("-----BEGIN RSA " + "PRIVATE KEY-----\n" + A20 + "\n-----END RSA " + "PRIVATE KEY-----", A20),
    ("-----BEGIN " + "PRIVATE KEY-----\n" + A20, A20),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_is_replaced_and_redacting_twice_changes_nothing(text: str, secret: str) -> None:
    redacted = redact(text)

    assert secret not in redacted
    assert "[REDACTED:" in redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(("text", "_secret"), SECRETS)
def test_the_cheap_test_never_misses_what_redaction_would_take(text: str, _secret: str) -> None:
    assert may_hold_secret(text)
    assert may_hold_secret(json.dumps({"message": text}))


@pytest.mark.parametrize(
    "text",
    [
        "GET /v1/orders/48213 200 in 37 ms",
        "TypeError: Cannot read properties of undefined (reading 'id')",
        "Unexpected token } in JSON at position 4",
        "basic understanding of bearer authentication required",
        "token: null, secret=undefined",
        "https://example.com/a@b/c is fine, mail bob@example.com",
        "commit 3fa9c1d2e4b5a6978899aabbccddeeff00112233 by task-runner",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_the_key_names_and_the_structure_of_a_value_stay() -> None:
    value = {"token": A20, "n": 3, "list": ["password=" + A20, None], "nested": {"Cookie": "x", "name": "bob"}}

    assert redact_value(value) == {
        "token": "[REDACTED:secret]",
        "n": 3,
        "list": ["password=[REDACTED:secret]", None],
        "nested": {"Cookie": "[REDACTED:secret]", "name": "bob"},
    }


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["a-", "token", "://a", "password ", "-----BEGIN ", "eyJ.", "basic ", "secret:'"])
def test_no_text_makes_redaction_slow(unit: str) -> None:
    redact(unit * (1024 * 1024 // len(unit)))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('const apiKey = "' + A20 + '";', A20),
        ("const dbPassword: string = '" + "hunter22" + "';", "hunter22"),
        ('{"accessToken": "' + A20 + '"}', A20),
        ("   7 | SESSION_SECRET=" + A20, A20),
        ('fetch(url, { headers: { Authorization: "Bearer ' + A20 + '" } })', A20),
        ("-----BEGIN " + "PRIVATE KEY-----\n" + A20, A20),
        ("s" + "k-" + A20, A20),
    ],
)
def test_a_secret_in_source_text_is_replaced_once(text: str, secret: str) -> None:
    redacted = redact_source(text)

    assert secret not in redacted
    assert "[REDACTED:" in redacted
    assert redact_source(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "const token = request.headers.get('x-session');",
        "session.token = row.token; cookie = parseCookies(header)[name];",
        "db.prepare(`SELECT secret FROM users WHERE token = ${token}`)",
        "interface User { passwordHash: string; apiKey: Uint8Array | null }",
        "const API_KEY = env.API_KEY;",
        "if (env.API_TOKEN === given) return;",
        "const TOKEN=>nextTokenOf(source)",
    ],
)
def test_code_that_only_speaks_of_secrets_stays(text: str) -> None:
    assert redact_source(text) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["token", "token: string = '", "A_KEY", "secret='", "KEY_", "token='a"])
def test_no_source_text_makes_redaction_slow(unit: str) -> None:
    redact_source(unit * (1024 * 1024 // len(unit)))
