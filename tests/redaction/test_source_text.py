"""In source text secrets of known shapes go, and code that only speaks of secrets stays."""

import pytest

from repo_agent_dagster.redaction import redact_source

A20 = "Aa1" * 7


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
    redact_source(unit * (256 * 1024 // len(unit)))
