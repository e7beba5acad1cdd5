"""What the steps of a recreation hand on to each other."""

from dataclasses import dataclass

from repo_agent_dagster.contracts.recreation import ErrorSignature
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.failing_test import ReproTest
from repo_agent_dagster.pathways.recreation.matching import Match
from repo_agent_dagster.pathways.recreation.reading.description import Description
from repo_agent_dagster.pathways.recreation.survey import Survey


@dataclass(frozen=True)
class Bug:
    """The bug as it was read: its description, its signature, what the repository offers, and what is to be tried."""

    description: Description
    signature: ErrorSignature
    survey: Survey
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Repro:
    """The smallest reproduction: the candidate, its test file (None: none could be made), and whether that fails."""

    candidate: Candidate
    match: Match
    test: ReproTest | None
    test_fails: bool
    command: str
