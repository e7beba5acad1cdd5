"""The reaper: removes the sandboxes that outlived their task or their deadline. Run by a sensor and by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from docker.models.containers import Container

from repo_agent_dagster.sandbox.container import DEADLINE_LABEL, OWNER_LABEL, RUN_LABEL, TASK_LABEL, remove
from repo_agent_dagster.sandbox.docker_engine import engine, engine_errors


@dataclass(frozen=True)
class LiveSandbox:
    """A sandbox that exists on the engine now; the times are UTC."""

    id: str
    name: str
    task_id: str
    run_id: str | None
    owner: str
    status: str
    created_at: datetime
    deadline: datetime | None


@dataclass(frozen=True)
class ReapedSandbox:
    """A sandbox that was removed, and why."""

    id: str
    name: str
    task_id: str
    reason: str


def list_sandboxes(*, owner: str | None = None) -> list[LiveSandbox]:
    """Return the sandboxes on this engine, oldest first; those of one owner, or of all.

    Raises:
        SandboxUnavailable: no Docker engine answers.
    """
    return sorted((live for _, live in _found(owner)), key=lambda live: live.created_at)


def reap(
    *,
    is_over: Callable[[LiveSandbox], bool],
    now: datetime,
    owner: str | None = None,
    grace_seconds: float = 60.0,
) -> list[ReapedSandbox]:
    """Remove the sandboxes whose deadline passed, or whose task or run is over; return what was removed.

    `is_over` tells of a sandbox whether its task is final or unknown, or another run's by now. A sandbox younger than
    `grace_seconds` is not asked about: its task may not be visible to the caller yet. Give the `owner` unless
    `is_over` knows the tasks of every installation that uses this engine.

    Raises:
        SandboxUnavailable: no Docker engine answers, or it refuses a removal.
    """
    reaped: list[ReapedSandbox] = []
    for container, live in _found(owner):
        reason = _reason(live, is_over, now, grace_seconds)
        if reason:
            with engine_errors(f"removing the sandbox {live.name}"):
                remove(container)
            reaped.append(ReapedSandbox(live.id, live.name, live.task_id, reason))
    return reaped


def reap_all(owner: Path | str | None = None) -> list[ReapedSandbox]:
    """Remove every sandbox on this engine, whatever its task does; with `owner`, that installation's alone.

    Raises:
        SandboxUnavailable: no Docker engine answers, or it refuses a removal.
    """
    reaped: list[ReapedSandbox] = []
    for container, live in _found(None if owner is None else str(owner)):
        with engine_errors(f"removing the sandbox {live.name}"):
            remove(container)
        reaped.append(ReapedSandbox(live.id, live.name, live.task_id, "all were asked for"))
    return reaped


def _reason(live: LiveSandbox, is_over: Callable[[LiveSandbox], bool], now: datetime, grace_seconds: float) -> str:
    if live.deadline is None or live.deadline <= now:
        return "its deadline passed" if live.deadline else "its deadline label is not readable"
    if live.created_at + timedelta(seconds=grace_seconds) <= now and is_over(live):
        return "its task or its run is over"
    return ""


def _found(owner: str | None) -> list[tuple[Container, LiveSandbox]]:
    labels = [TASK_LABEL] if owner is None else [TASK_LABEL, f"{OWNER_LABEL}={owner}"]
    with engine_errors("listing the sandboxes"):
        containers = engine().containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return [(container, _live(container)) for container in containers]


def _live(container: Container) -> LiveSandbox:
    labels = container.labels
    return LiveSandbox(
        id=str(container.id),
        name=str(container.name),
        task_id=labels[TASK_LABEL],
        run_id=labels.get(RUN_LABEL) or None,
        owner=labels.get(OWNER_LABEL, ""),
        status=str(container.status),
        created_at=datetime.fromisoformat(container.attrs["Created"][:19]).replace(tzinfo=UTC),
        deadline=_instant(labels.get(DEADLINE_LABEL, "")),
    )


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
