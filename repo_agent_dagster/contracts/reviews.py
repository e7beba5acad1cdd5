"""Reviews by a model: of the code, and of a screenshot of what it shows."""

from typing import Annotated

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.phases import Command, FilePath


class FileToFix(Contract):
    """A file that the review found wanting."""

    file_path: FilePath
    issues: list[str]
    # Snake case on the wire too: the one field of this family that its senders spell so.
    require_code_changes: Annotated[bool, Field(alias="require_code_changes")]


class CodeReviewOutput(Contract):
    """What a review of the code found, and which files are to be changed for it."""

    dependencies_not_met: list[str]
    issues_found: bool
    frontend_issues: list[str]
    backend_issues: list[str]
    files_to_fix: list[FileToFix]
    commands: list[Command]


class UiCompliance(Contract):
    """Whether the screen shows what the blueprint asks for."""

    matches_blueprint: bool
    deviations: list[str]


class ScreenshotAnalysis(Contract):
    """What a look at a screenshot found."""

    has_issues: bool
    issues: list[str]
    suggestions: list[str]
    ui_compliance: UiCompliance
