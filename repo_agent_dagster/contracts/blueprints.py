"""The blueprint of a project: what it is, how it looks, how it is built, and in which phases."""

from typing import Annotated

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.phases import PhaseConcept


class View(Contract):
    """One screen of the project."""

    name: str
    description: str


class UserFlow(Contract):
    """How people move through the project and what they see."""

    ui_layout: str
    ui_design: str
    user_journey: str


class Architecture(Contract):
    """How the project is built inside."""

    data_flow: str


class RoadmapPhase(Contract):
    """One step of the roadmap."""

    phase: str
    description: str


class BlueprintLite(Contract):
    """A blueprint without its first phase."""

    title: str
    project_name: Annotated[str, Field(min_length=1)]
    detailed_description: str
    description: str
    color_palette: list[str]
    views: list[View]
    user_flow: UserFlow
    data_flow: str
    architecture: Architecture
    pitfalls: list[str]
    frameworks: list[str]
    implementation_roadmap: list[RoadmapPhase]


class Blueprint(BlueprintLite):
    """A blueprint and the phase that the work begins with."""

    initial_phase: PhaseConcept
