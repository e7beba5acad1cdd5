"""The mark by which an issue or a comment on GitHub is known to be ours, whatever else was lost.

It is an HTML comment, which no reader sees, with an HMAC over what it says: nobody who can only read our texts can
forge one that says something else. It counts only in what our own account wrote, and text of others cannot hold one:
`pages.safety.without_comments` breaks every comment's opening.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from typing import Final

_MARK: Final = (
    r"<!-- repo-agent:{kind} v1 (?P<words>\S{{1,110}}(?: \S{{1,110}}){{{further}}}) "
    r"(?P<mac>[0-9a-f]{{64}}) -->"
)


def written_mark(kind: str, words: Sequence[str], key: bytes) -> str:
    """Return the mark as it stands in a body, signed. Words hold no space; two kinds differ in how many they have.

    The number matters: what is signed are the words, so a mark of one kind must not be readable as another's.
    """
    said = " ".join(words)
    return f"<!-- repo-agent:{kind} v1 {said} {_mac(said, key)} -->"


def read_mark(kind: str, count: int, body: str, key: bytes) -> tuple[str, ...] | None:
    """Return the words of the first mark of a kind, of so many words, that was signed with the key, or None."""
    return next(_read(kind, count, body, key), None)


def _read(kind: str, count: int, body: str, key: bytes) -> Iterator[tuple[str, ...]]:
    for found in re.finditer(_MARK.format(kind=re.escape(kind), further=count - 1), body):
        if hmac.compare_digest(_mac(found["words"], key), found["mac"]):
            yield tuple(found["words"].split(" "))


def _mac(said: str, key: bytes) -> str:
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
