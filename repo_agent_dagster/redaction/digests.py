"""What stands for a secret: its kind, and a digest by which the same secret is known again but cannot be guessed.

The digest is keyed. Without a key, a short or common password could be found by trying; so without one there is none.
"""

import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

REDACTED = "[REDACTED:"
"""What every replacement begins with."""

PLACEHOLDER = r"\[REDACTED:[a-z0-9-]{1,40}(?::[0-9a-f]{8})?\]"
"""A pattern of what stands for a secret: ``[REDACTED:kind]`` or ``[REDACTED:kind:1a2b3c4d]``."""

_LEAST_KEY = 16
_KEY_BYTES = 32
_key: bytes | None = None


def use_key(key: bytes | None) -> None:
    """Set the key of this process's digests; faces and wiring call it once. None: kinds only, as at the start."""
    global _key
    if key is not None and len(key) < _LEAST_KEY:
        raise ValueError(
            f"the redaction key has {len(key)} bytes; give it at least {_LEAST_KEY}, or none to have one made"
        )
    _key = key


def placeholder(kind: str, secret: str) -> str:
    """Return what stands for a secret. The digest is of the secret alone, so it is the same under each kind."""
    if _key is None:
        return f"{REDACTED}{kind}]"
    return f"{REDACTED}{kind}:{hmac.digest(_key, secret.encode(errors='surrogatepass'), 'sha256').hex()[:8]}]"


def installation_key(given: str, file: Path) -> bytes:
    """Return the key that an installation was given, or else the one kept in `file`, which is made when missing.

    Processes that start at once agree on one key. The file can be read by its owner alone.

    Raises:
        OSError: the file cannot be read or made.
        ValueError: the file holds no key.
    """
    if given:
        return given.encode()
    with suppress(FileNotFoundError):
        return _kept(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # unlike a rename, a link never replaces a key that another process has made
            os.link(draft, file)
    finally:
        Path(draft).unlink()
    return _kept(file)


def _kept(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text("ascii").strip())
    except ValueError as error:
        raise ValueError(f"{file} holds no redaction key; remove it, and another one is made") from error
    if len(key) < _LEAST_KEY:
        raise ValueError(f"{file} holds no redaction key; remove it, and another one is made")
    return key
