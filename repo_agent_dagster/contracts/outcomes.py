"""What every pathway's answer has in common: a verdict, the reasons for it, what it took, and what it left behind."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from repo_agent_dagster.contracts.base import Contract, SnakeContract


class Standing(StrEnum):
    """What a verdict means for whoever waits for it: go on, stop, or nobody knows."""

    GOOD = "good"
    BAD = "bad"
    UNJUDGED = "unjudged"

    @property
    def exit_code(self) -> int:
        """The exit code of `repo-agent task run`: 0 good, 1 bad, 3 could not be judged (2 is wrong input)."""
        return {Standing.GOOD: 0, Standing.BAD: 1, Standing.UNJUDGED: 3}[self]


class KeptArtifact(Contract):
    """A file that a task left in the artifact store."""

    name: Annotated[str, Field(description="What it is called within the task, e.g. junit-before.xml.")]
    key: Annotated[str, Field(description="Its key in the artifact store.")]
    url: Annotated[str, Field(description="Where it is: a file or object URL without credentials.")]
    bytes: NonNegativeInt
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PathwayResult(Contract):
    """The part of a pathway's answer that lists, pages and scripts read whatever the pathway is.

    A pathway narrows `verdict` to an enum of its own and names which of its verdicts are good and which could not be
    judged; all others are bad.
    """

    GOOD: ClassVar[frozenset[str]] = frozenset()
    UNJUDGED: ClassVar[frozenset[str]] = frozenset()

    verdict: StrEnum
    reasons: Annotated[list[str], Field(min_length=1, description="Sentences for people; the first says the most.")]
    repo_url: Annotated[str, Field(description="Without credentials.")]
    ref: str
    commit: Annotated[str, Field(description="Full id; empty when the repository was not reached.")]
    subfolder: Annotated[str, Field(description="The part of a monorepo that was worked on; empty: all of it.")] = ""
    durations: Annotated[dict[str, NonNegativeFloat], Field(description="Seconds by step, in the order of steps.")]
    artifacts: list[KeptArtifact] = Field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """What the verdict means for whoever waits for it."""
        if self.verdict in self.GOOD:
            return Standing.GOOD
        return Standing.UNJUDGED if self.verdict in self.UNJUDGED else Standing.BAD

    @property
    def ok(self) -> bool:
        """Whether the verdict is good."""
        return self.standing is Standing.GOOD

    def tests(self) -> dict[str, object]:
        """Return what `repo-agent task run` prints of tests; a pathway without any has none."""
        return {}


class TaskReport(SnakeContract):
    """The one JSON object that `repo-agent task run` prints on standard output."""

    task_id: str
    pathway: str
    verdict: str
    reasons: list[str]
    tests: Annotated[
        dict[str, object], Field(description="before, after, fail_to_pass, pass_to_fail, …: what the pathway tells.")
    ]
    durations: dict[str, float]
    artifacts: list[KeptArtifact]
