"""Take secrets out of text before it is stored or sent: the key name stays, the value becomes ``[REDACTED:kind]``.

Only shapes that are known to be secrets are taken; no guess by entropy, which would flag every hash in a log.
"""

import re
from typing import Any

REDACTED = "[REDACTED:"
"""What every replacement begins with."""

_REDACTED = re.escape(REDACTED)
_KEY = (
    r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    r"|authorization|cookie|credentials?)[\w-]{0,20}"
)

# Read in this order: what one rule left as [REDACTED:…] the later ones pass over. Every repetition is bounded or
# over one character class, so no text makes a rule slow.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        "[REDACTED:private-key]",
    ),
    (re.compile(r"(://)[^\s/@\"'<>]{1,256}@"), r"\1[REDACTED:url-credentials]@"),
    (
        re.compile(r"\b(bearer|basic)(\s+)(?=\S{0,200}?[0-9=])[\w.~+/=-]{8,}", re.IGNORECASE),
        r"\1\2[REDACTED:authorization]",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "[REDACTED:jwt]"),
    (re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"), "[REDACTED:github-token]"),
    (re.compile(r"\bglpat-[\w-]{16,}"), "[REDACTED:gitlab-token]"),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "[REDACTED:aws-key-id]"),
    (re.compile(r"\bAIza[\w-]{30,}"), "[REDACTED:google-api-key]"),
    (re.compile(r"\bxox[abeoprs]-[\w-]{10,}"), "[REDACTED:slack-token]"),
    (re.compile(r"\b[rs]k_(?:live|test)_\w{10,}"), "[REDACTED:stripe-key]"),
    (re.compile(r"\bsk-[\w-]{16,}"), "[REDACTED:api-key]"),
    (re.compile(r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,})"), "[REDACTED:registry-token]"),
)

_IN_LOGS = (
    re.compile(
        rf"({_KEY}(?:[\"']?\s{{0,3}}=\s{{0,3}}[\"']?|[\"']?:\s{{0,3}}[\"']?(?=[^\s\"',;&]{{8}})))"
        rf"(?!{_REDACTED}|bearer\b|basic\b|null\b|none\b|true\b|false\b|undefined\b)[^\s\"',;&]{{4,}}",
        re.IGNORECASE,
    ),
    r"\1[REDACTED:secret]",
)

# In source text `token = next()` holds no secret: what stands in quotes may, and what a line of a .env file assigns.
_IN_SOURCE = (
    (
        re.compile(
            rf"({_KEY}[\"']?\s{{0,3}}(?::\s{{0,3}}\w{{1,30}}\s{{0,3}})?[=:]\s{{0,3}}[\"'`])"
            rf"(?!{_REDACTED})(?:(?!\$\{{)[^\s\"'`]){{8,}}(?=[\"'`])",
            re.IGNORECASE,
        ),
        r"\1[REDACTED:secret]",
    ),
    (
        re.compile(
            r"(\b(?:[A-Z][A-Z0-9_]{0,60}_)?(?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?)(?:_[A-Z0-9]{1,20})?=)"
            rf"(?!{_REDACTED})[^\s\"'`=>$]{{8,}}"
        ),
        r"\1[REDACTED:secret]",
    ),
)

# Some rule can match only where one of these stands, in lower case; most lines hold none and are passed over.
_SIGNS = (
    "token", "secret", "pass", "key", "authoriz", "cookie", "credential", "bearer", "basic", "@", "eyj", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "b_pat_", "glpat-", "akia", "asia", "aiza", "xox", "k_live_", "k_test_", "sk-", "npm_",
    "pypi-",
)  # fmt: skip

_SECRET_KEY = re.compile(
    r"passw(?:or)?d|passphrase|secret|(?:^|[_-])token$|(?<=[a-z])Token$|^token$|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|account[_-]?key|^authorization$|cookie|credential",
    re.IGNORECASE,
)


def may_hold_secret(text: str) -> bool:
    """Tell cheaply whether `redact` could find anything in the text, or in what it is the JSON of.

    False is certain, unless the JSON hides letters behind ``\\u`` escapes; True is not certain.
    """
    lowered = text.lower()
    for sign in _SIGNS:  # noqa: SIM110 - any() takes half as long again, and this runs for every log line
        if sign in lowered:
            return True
    return False


def redact(text: str) -> str:
    """Return the text with every secret of a known shape replaced; redacting twice changes nothing more."""
    for rule, replacement in (*_SHAPES, _IN_LOGS):
        text = rule.sub(replacement, text)
    return text


def redact_source(text: str) -> str:
    """Return source text with every secret of a known shape replaced, its code left as it is."""
    for rule, replacement in (*_SHAPES, *_IN_SOURCE):
        text = rule.sub(replacement, text)
    return text


def redact_value(value: Any) -> Any:
    """Return a JSON value with its texts redacted, and with every text under a key that names a secret replaced."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redact_value(item) for item in value]
    if isinstance(value, dict):
        return {
            key: "[REDACTED:secret]" if isinstance(item, str) and _SECRET_KEY.search(key) else redact_value(item)
            for key, item in value.items()
        }
    return value
