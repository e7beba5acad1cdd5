"""The marker by which an issue or a comment on GitHub is known to be ours, whatever else was lost.

It is an HTML comment, which no reader sees, with an HMAC over what it says: nobody who can only read our issues can
forge one for another problem. It counts only in what our own account wrote, and log text cannot hold one: `safety`
breaks every comment's opening.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

_MARKER = re.compile(
    r"<!-- repo-agent:ops v1 (?P<fingerprint>[\w-]{1,100}) (?P<issue>[\w-]{1,64}) (?P<step>\S{1,110}) "
    r"(?P<mac>[0-9a-f]{64}) -->"
)
_BODY = "issue"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a marker says: the problem, our issue's id, and which of its texts it marks."""

    fingerprint: str
    issue_id: str
    step: str = _BODY

    @property
    def is_issue(self) -> bool:
        """Whether it marks an issue's own body, not a comment."""
        return self.step == _BODY

    def written(self, key: bytes) -> str:
        """Return the marker as it stands in a body, signed."""
        return f"<!-- repo-agent:ops v1 {self._said()} {self._mac(key)} -->"

    def _said(self) -> str:
        return f"{self.fingerprint} {self.issue_id} {self.step}"

    def _mac(self, key: bytes) -> str:
        return hmac.new(key, self._said().encode(), hashlib.sha256).hexdigest()


def read_marker(body: str, key: bytes) -> Marker | None:
    """Return the first marker in a body that was signed with the key, or None."""
    for found in _MARKER.finditer(body):
        marker = Marker(found["fingerprint"], found["issue"], found["step"])
        if hmac.compare_digest(marker._mac(key), found["mac"]):
            return marker
    return None
