"""Secrets taken out of a byte stream: plain and encoded, wherever the stream is cut into parts.

Masking protects against accidents: a command that prints its environment, a URL or a header. It cannot stop a
program that means to give a secret away, which has endless ways to write it.
"""

import base64
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from repo_agent_dagster.sandbox.spec import SandboxSpecError

MASK = b"***"
MIN_SECRET_BYTES = 4
"""A shorter secret is refused: masking it would riddle all output, and not masking it would break the promise."""
_MIN_LINE_BYTES = 8
_ANCHOR = 4
_BREAKS = b"\r\n"
_TOO_MANY_BREAKS = re.compile(rb"[\r\n]{3}")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_UNDECIDED = -1


class Masker:
    """Replaces secrets by ``***``. What counts as one, for each value without the white space around it:

    the value; its base64 (within longer data too, whatever comes before it; both alphabets) and its hexadecimal
    form, also wrapped over lines; URL-encoded, as JSON, HTML, shell and Python write it in quotes; and every
    line of at least 8 bytes of a value with several. Where base64 goes on around a secret, up to four of its characters
    stay: they hold a part of its first and of its last byte.

    Raises:
        SandboxSpecError: a value has fewer than 4 bytes.
    """

    def __init__(self, secrets: Iterable[bytes | str]) -> None:
        self._forms: dict[bytes, list[_Form]] = {}
        forms: set[_Form] = set()
        for secret in secrets:
            value = (secret.encode() if isinstance(secret, str) else secret).strip()
            if len(value) < MIN_SECRET_BYTES:
                raise SandboxSpecError(
                    f"a secret of {len(value)} bytes cannot be masked in output; use one of {MIN_SECRET_BYTES} or more"
                )
            forms.update(_forms(value))
        for form in sorted(forms, key=lambda one: (-len(one[0]), one)):
            self._forms.setdefault(form[0][:_ANCHOR], []).append(form)
        self._anchors = re.compile(_any_of(self._forms)) if self._forms else None
        self._beginnings = {anchor[:size] for anchor in self._forms for size in range(1, _ANCHOR)}

    def stream(self) -> "MaskingStream | None":
        """Return what masks one stream; None when there is nothing to mask."""
        return None if self._anchors is None else MaskingStream(self)

    def text(self, text: str) -> str:
        """Return a whole text with the secrets masked."""
        if self._anchors is None:
            return text
        masked, _ = self.masked(text.encode("utf-8", "surrogateescape"), last=True)
        return masked.decode("utf-8", "surrogateescape")

    def masked(self, data: bytes, *, last: bool) -> tuple[bytes, bytes]:
        """Return the data with the secrets masked, and the rest of it that may be the beginning of one.

        With `last` no more comes, and there is no such rest.
        """
        parts: list[bytes] = []
        done = at = 0
        while self._anchors is not None and (found := self._anchors.search(data, at)):
            start = found.start()
            end = self._end(data, start, last=last)
            if end == _UNDECIDED:
                return b"".join([*parts, data[done:start]]), data[start:]
            if end is None:
                at = start + 1
                continue
            parts += [data[done:start], MASK]
            done = at = end
        kept = len(data)
        if not last:
            beginnings = range(max(done, len(data) - _ANCHOR + 1), len(data))
            kept = next((start for start in beginnings if data[start:] in self._beginnings), kept)
        return b"".join([*parts, data[done:kept]]), data[kept:]

    def _end(self, data: bytes, start: int, *, last: bool) -> int | None:
        """Return where the longest secret that begins at `start` ends; None if there is none."""
        for form, wraps in self._forms[data[start : start + _ANCHOR]]:
            end = _end_of(form, data, start, wraps=wraps)
            if end is not None and not (end == _UNDECIDED and last):
                return end
        return None


class MaskingStream:
    """Masks one stream that comes in parts; holds back no more than what may be the beginning of a secret."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""

    def feed(self, data: bytes, *, last: bool = False) -> bytes:
        """Return what can be told of the stream by now; with `last`, all the rest."""
        masked, self._held = self._masker.masked(self._held + data, last=last)
        return masked


_Form = tuple[bytes, bool]
"""How a secret may be written, and whether line breaks may be anywhere in that."""


def _forms(value: bytes) -> Iterator[_Form]:
    yield value, False
    yield from ((line.strip(), False) for line in value.splitlines() if len(line.strip()) >= _MIN_LINE_BYTES)
    yield from ((form, True) for form in _encodings(value) if len(form) >= _ANCHOR)
    text = value.decode("utf-8", "surrogateescape")
    for written in _escapings(text):
        yield written.encode("utf-8", "surrogateescape"), False
    yield repr(value)[2:-1].encode(), False
    for url in (quote(value, safe=""), quote(value, safe="/"), quote(value, safe="!'()*"), quote_plus(value)):
        yield url.encode(), False
        yield _ESCAPE.sub(lambda found: found[0].lower(), url).encode(), False


def _encodings(value: bytes) -> Iterator[bytes]:
    yield value.hex().encode()
    yield value.hex().upper().encode()
    for before in range(3):
        # Of three bytes four characters are made: of those that the neighbours have a part in nothing is known.
        first = (0, 2, 3)[before]
        unknown = (0, 3, 2)[(before + len(value)) % 3]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + value)
            yield encoded[first:]
            yield encoded[first:].rstrip(b"=")
            yield encoded[first : len(encoded) - unknown]


def _escapings(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        as_json = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield as_json
        yield as_json.replace("/", "\\/")
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield repr(text)[1:-1]
    yield text.replace("'", "'\"'\"'")
    yield shlex.quote(text).strip("'")


def _end_of(form: bytes, data: bytes, start: int, *, wraps: bool) -> int | None:
    there = data[start : start + len(form)]
    if there == form:
        return start + len(form)
    if form.startswith(there):  # as far as the data goes
        return _UNDECIDED
    return _end_of_wrapped(form, data, start) if wraps and (b"\n" in there or b"\r" in there) else None


def _end_of_wrapped(form: bytes, data: bytes, start: int) -> int | None:
    reach = data[start : start + 3 * len(form)]
    too_many = _TOO_MANY_BREAKS.search(reach)
    if too_many is not None:
        reach = reach[: too_many.start() + 2]
    unwrapped = reach.translate(None, _BREAKS)
    if not unwrapped.startswith(form):
        undecided = too_many is None and start + len(reach) == len(data) and form.startswith(unwrapped)
        return _UNDECIDED if undecided else None
    left = len(form)
    for position, byte in enumerate(reach):
        left -= byte not in _BREAKS
        if left == 0:
            return start + position + 1
    return None


def _any_of(words: Iterable[bytes]) -> bytes:
    """Return a pattern of these words of one length, as a tree: many words then cost little more than one."""
    by_first: dict[int, set[bytes]] = {}
    for word in words:
        by_first.setdefault(word[0], set()).add(word[1:])
    branches = []
    for first, rests in sorted(by_first.items()):
        rest = _any_of(rests) if rests != {b""} else b""
        branches.append(re.escape(bytes([first])) + rest)
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"
