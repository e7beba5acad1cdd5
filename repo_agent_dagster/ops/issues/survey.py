"""What stands on GitHub in one repository: all issues with our label, and which of them are ours and of what."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from repo_agent_dagster.ops.issues.marker import read_marker
from repo_agent_dagster.ops.issues.policy import OUR_LABEL, color_of

if TYPE_CHECKING:
    from repo_agent_dagster.github.issue_records import Issue
    from repo_agent_dagster.github.issues import GitHubIssues

_DESCRIPTIONS = {OUR_LABEL: "Found in last night's logs by repo-agent"}


@dataclass(slots=True)
class Survey:
    """One repository's issues with our label, as they were when the publisher began, and those opened since.

    `repository` is the name that GitHub gives it now, also after it was renamed.
    """

    repository: str
    takes_issues: bool
    by_number: dict[int, "Issue"] = field(default_factory=dict)
    _by_problem: dict[str, list[int]] = field(default_factory=dict)
    _labels: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, github: "GitHubIssues", repository: str, *, account: str, key: bytes) -> "Survey":
        """Look at a repository. Only what `account` wrote, with a marker signed by `key`, counts as ours."""
        tracker = github.tracker(repository)
        survey = cls(tracker.repository, tracker.takes_issues)
        if not survey.takes_issues:
            return survey
        for issue in github.list_issues(survey.repository, label=OUR_LABEL, state="all"):
            survey.by_number[issue.number] = issue
            marker = read_marker(issue.body, key) if issue.author.lower() == account.lower() else None
            if marker is not None and marker.is_issue:
                survey._add(marker.issue_id, issue.number)
                survey._add(marker.fingerprint, issue.number)
        return survey

    def ours(self, issue_id: str, fingerprints: list[str]) -> list["Issue"]:
        """Return the issues on GitHub that are of this issue of ours, by its id or any fingerprint, oldest first."""
        numbers = {number for name in (issue_id, *fingerprints) for number in self._by_problem.get(name, ())}
        return [self.by_number[number] for number in sorted(numbers)]

    def take_in(self, issue: "Issue") -> None:
        """Take in an issue as it is now."""
        self.by_number[issue.number] = issue

    def ensure_labels(self, github: "GitHubIssues", labels: tuple[str, ...]) -> None:
        """Create the labels that the repository has not; the list of them is read once for a survey."""
        if not self._labels:
            self._labels.update(label.lower() for label in github.labels(self.repository))
        for label in labels:
            if label.lower() not in self._labels:
                github.create_label(
                    self.repository, label, color=color_of(label), description=_DESCRIPTIONS.get(label, "")
                )
                self._labels.add(label.lower())

    def _add(self, name: str, number: int) -> None:
        self._by_problem.setdefault(name, []).append(number)
