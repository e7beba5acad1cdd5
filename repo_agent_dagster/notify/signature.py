"""What proves to a receiver that a message is ours, whole and fresh: its headers, and how they are made."""

import hashlib
import hmac
from datetime import datetime

EVENT_HEADER = "X-Repo-Agent-Event"
TIMESTAMP_HEADER = "X-Repo-Agent-Timestamp"
SIGNATURE_HEADER = "X-Repo-Agent-Signature"
KEY_HEADER = "Idempotency-Key"


def sign(secret: str, timestamp: int, key: str, body: bytes) -> str:
    """Return the signature: HMAC-SHA256 over ``timestamp.key.body``, in hex, after ``sha256=``.

    `timestamp` is in seconds since 1970; a receiver that refuses old ones cannot be sent a recorded message again.
    """
    signed = f"{timestamp}.{key}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers(event: str, key: str, body: bytes, *, secret: str | None, now: datetime) -> dict[str, str]:
    """Return the headers of one message; without a secret it is not signed."""
    timestamp = int(now.timestamp())
    found = {
        "Content-Type": "application/json",
        EVENT_HEADER: event,
        KEY_HEADER: key,
        TIMESTAMP_HEADER: str(timestamp),
    }
    if secret is not None:
        found[SIGNATURE_HEADER] = sign(secret, timestamp, key, body)
    return found
