"""Which issues go to GitHub, to which repository, with which labels: computed here, never by a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from repo_agent_dagster.github.names import is_repository_name

OUR_LABEL = "ops-scan"
"""Every issue of ours has it; issues are found again by listing it."""

_COLORS = {
    OUR_LABEL: "5319e7",
    "severity-1": "b60205",
    "severity-2": "d93f0b",
    "severity-3": "fbca04",
    "severity-4": "c5def5",
    "severity-5": "ededed",
}
_OTHER_COLOR = "0e8a16"


@dataclass(frozen=True, slots=True)
class IssuePolicy:
    """What becomes an issue on GitHub, and when it is spoken of again.

    Problems of severity `threshold` or graver are opened, in `repository`, or where that is empty: a build's in its own
    repository, a worker's in the one that `worker_repositories` names for it. At most `opened_per_day` are opened on a
    UTC day; the gravest first, the others on the next. After `quiet_after` scanned days without it an issue is
    commented, and closed if `close_when_quiet`.
    """

    threshold: int = 3
    repository: str = ""
    worker_repositories: Mapping[str, str] = field(default_factory=dict)
    opened_per_day: int = 20
    quiet_after: int = 7
    close_when_quiet: bool = False

    def repository_of(self, worker: str | None, repo: str | None) -> str | None:
        """Return the repository for an issue's problem, or None where none is known.

        The name of a build's repository comes with its log: what is no repository's name is none.
        """
        name = self.repository or (self.worker_repositories.get(worker) if worker else repo) or ""
        return name if is_repository_name(name) else None

    def wants(self, severity: int) -> bool:
        """Whether a problem of this severity becomes an issue on GitHub."""
        return severity <= self.threshold


def labels_of(kind: str, severity: int) -> tuple[str, ...]:
    """Return the labels of an issue: ours, its severity's and its kind's."""
    return (OUR_LABEL, f"severity-{severity}", f"ops-{kind}")


def color_of(label: str) -> str:
    """Return a label's colour, six hex digits."""
    return _COLORS.get(label, _OTHER_COLOR)
