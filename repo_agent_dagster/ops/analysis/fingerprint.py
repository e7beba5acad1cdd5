"""The fingerprint: the identity of a problem, which must not move from night to night."""

import hashlib
import re
from typing import Any

from repo_agent_dagster.contracts.logs import LogRecord
from repo_agent_dagster.ops.analysis.masking import headline, word_tokens

VERSION = "1"
"""Part of every fingerprint: raise it when the rules change, for all known problems then count as new."""

_EXCEPTION = re.compile(
    r"(?<![\w.])((?:[a-zA-Z_]\w{0,60}\.){0,6}[A-Z]\w{0,60}(?:Error|Exception|Fault|Panic|Timeout))\b"
)
_META_KEYS = ("exception", "exception_class", "error_class", "error_type", "error_name")


def exception_class(message: str, meta: dict[str, Any] | None = None) -> str | None:
    """Return the class of the exception that a line tells of, from its meta or its headline, or None."""
    for key in _META_KEYS:
        named = (meta or {}).get(key)
        if isinstance(named, str) and (match := _EXCEPTION.match(named)):
            return match[1]
    match = _EXCEPTION.search(headline(message))
    return match[1] if match else None


def fingerprint(record: LogRecord) -> str:
    """Return SHA-256 (64 hex digits) of version, kind, place, exception class and the headline's unmasked words."""
    identity = (
        VERSION,
        record.kind,
        record.place,
        exception_class(record.message, record.meta) or "",
        *word_tokens(headline(record.message)),
    )
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()
