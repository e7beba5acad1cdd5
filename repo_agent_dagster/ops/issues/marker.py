"""What the mark in an issue or a comment of ours says: the problem, our issue, and which of its texts it stands in."""

from dataclasses import dataclass

from repo_agent_dagster.github.marks import read_mark, written_mark

_KIND, _WORDS = "ops", 3
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
        return written_mark(_KIND, (self.fingerprint, self.issue_id, self.step), key)


def read_marker(body: str, key: bytes) -> Marker | None:
    """Return the first marker in a body that was signed with the key, or None."""
    words = read_mark(_KIND, _WORDS, body, key)
    return None if words is None else Marker(*words)
