"""A project in phases: what a phase is to bring, the files that a model wrote for it, and its commands.

Paths and contents here are a model's words: nothing of them is written but through a `PatchBatch`.
"""

from typing import Annotated, Literal

from pydantic import Field

from repo_agent_dagster.contracts.base import Contract

FilePath = Annotated[str, Field(min_length=1, description="Path relative to the workspace, with forward slashes.")]
Command = Annotated[str, Field(min_length=1, description="A shell command, run in a sandbox only.")]
FileFormat = Literal["full_content", "unified_diff"]


class FileOutput(Contract):
    """A whole file as a model wrote it."""

    file_path: FilePath
    file_contents: str
    file_purpose: str


class FileConcept(Contract):
    """A file that a phase is to write or change."""

    path: FilePath
    purpose: str
    changes: Annotated[str | None, Field(description="What changes in a file that exists; null for a new one.")] = None


class PhaseConceptLite(Contract):
    """A phase by name alone, before its files are known."""

    name: Annotated[str, Field(min_length=1)]
    description: str


class PhaseConcept(PhaseConceptLite):
    """A phase: what it brings, in which files, and whether it is the last."""

    files: list[FileConcept]
    last_phase: bool


class FileGenerationOutput(FileOutput):
    """A file as a model wrote it, whole or as a diff against the present one."""

    format: FileFormat


class PhaseConceptGeneration(PhaseConcept):
    """A phase that is about to be written, with what must be installed first."""

    install_commands: list[Command]


class PhaseImplementation(Contract):
    """A phase as a model wrote it."""

    files: list[FileOutput]
    deployment_needed: bool
    commands: list[Command]


class SetupCommands(Contract):
    """What to run to make a fresh checkout ready."""

    commands: list[Command]


class DocumentationOutput(Contract):
    """A piece of documentation and where it comes from."""

    content: str
    source: str
