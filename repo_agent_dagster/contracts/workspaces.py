"""A registered workspace: what this installation knows of a checkout, and never the checkout of itself."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from repo_agent_dagster.contracts.patches import Check


@cache
def _checks() -> TypeAdapter[Check]:
    return TypeAdapter(Check)


@dataclass(frozen=True)
class RegisteredWorkspace:
    """A checkout that patches are applied on. `root` is its resolved path, `check` what its batches are checked by.

    `trusted` says that its own check may run on the host, outside any sandbox. It is on record here alone: whoever may
    patch the checkout could grant it to himself there.
    """

    id: str
    name: str
    root: Path
    check: Check | None
    trusted: bool
    created_at: datetime
    updated_at: datetime


def check_to_json(check: Check | None) -> object:
    """Return a check as JSON: its name, ``{"command": […]}``, or null."""
    return None if check is None else _checks().dump_python(check, mode="json", by_alias=True)


def check_from_json(value: object) -> Check | None:
    """Return the check that JSON tells.

    Raises:
        pydantic.ValidationError: it tells none.
    """
    return None if value is None else _checks().validate_python(value)


def check_name(check: Check) -> str:
    """Return what people call a check: its name, or its command's words."""
    return check if isinstance(check, str) else shlex.join(check.command)
