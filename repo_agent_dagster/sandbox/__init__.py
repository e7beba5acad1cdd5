"""Docker sandboxes: one container for one task, limited, without privileges, and gone with the task.

Here belongs everything that talks to Docker, and nothing of what is done *inside* a sandbox: that is `pathways`.
The names below are loaded when they are first used, so that importing the package loads neither docker nor the store.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.commands.output import OutputLine, OutputSink
    from repo_agent_dagster.sandbox.commands.storing import StoreSink
    from repo_agent_dagster.sandbox.docker_engine import EngineMissing, ensure_engine, stop_engine, why_no_engine
    from repo_agent_dagster.sandbox.images.building import ensure_image, remove_images
    from repo_agent_dagster.sandbox.reaper import LiveSandbox, ReapedSandbox, Reaping, list_sandboxes, reap, reap_all
    from repo_agent_dagster.sandbox.repositories.cloning import clone_into
    from repo_agent_dagster.sandbox.repositories.faults import RepositoryError, RepositoryUnavailable
    from repo_agent_dagster.sandbox.repositories.history import Mirror
    from repo_agent_dagster.sandbox.repositories.mirrors import Repositories
    from repo_agent_dagster.sandbox.sandbox import Sandbox
    from repo_agent_dagster.sandbox.spec import (
        TYPE_ROOTS,
        WORKSPACE,
        ExecResult,
        ResourceUsage,
        SandboxDeadlineExceeded,
        SandboxFileError,
        SandboxOutOfMemory,
        SandboxSpec,
        SandboxSpecError,
        SandboxUnavailable,
    )

_MODULES = {
    "docker_engine": ("EngineMissing", "ensure_engine", "stop_engine", "why_no_engine"),
    "images.building": ("ensure_image", "remove_images"),
    "commands.output": ("OutputLine", "OutputSink"),
    "commands.storing": ("StoreSink",),
    "reaper": ("LiveSandbox", "ReapedSandbox", "Reaping", "list_sandboxes", "reap", "reap_all"),
    "repositories.cloning": ("clone_into",),
    "repositories.faults": ("RepositoryError", "RepositoryUnavailable"),
    "repositories.history": ("Mirror",),
    "repositories.mirrors": ("Repositories",),
    "sandbox": ("Sandbox",),
    "spec": (
        "TYPE_ROOTS",
        "WORKSPACE",
        "ExecResult",
        "ResourceUsage",
        "SandboxDeadlineExceeded",
        "SandboxFileError",
        "SandboxOutOfMemory",
        "SandboxSpec",
        "SandboxSpecError",
        "SandboxUnavailable",
    ),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "TYPE_ROOTS",
    "WORKSPACE",
    "EngineMissing",
    "ExecResult",
    "LiveSandbox",
    "Mirror",
    "OutputLine",
    "OutputSink",
    "ReapedSandbox",
    "Reaping",
    "Repositories",
    "RepositoryError",
    "RepositoryUnavailable",
    "ResourceUsage",
    "Sandbox",
    "SandboxDeadlineExceeded",
    "SandboxFileError",
    "SandboxOutOfMemory",
    "SandboxSpec",
    "SandboxSpecError",
    "SandboxUnavailable",
    "StoreSink",
    "clone_into",
    "ensure_engine",
    "ensure_image",
    "list_sandboxes",
    "reap",
    "reap_all",
    "remove_images",
    "stop_engine",
    "why_no_engine",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
