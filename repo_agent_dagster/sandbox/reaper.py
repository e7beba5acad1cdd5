"""The reaper: removes the sandboxes that outlived their task or their deadline, and what belonged to them.

Run by a sensor, by `repo-agent sandboxes reap` and at the start of a run without a daemon. What it looks at are labels
alone, so it finds what a killed process left behind; whose it is, the owner label tells.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from docker.models.containers import Container
from docker.models.networks import Network

from repo_agent_dagster.contracts.faults import PermanentFault, TransientFault
from repo_agent_dagster.sandbox.container import (
    DEADLINE_LABEL,
    NETWORK_LABEL,
    OWNER_LABEL,
    RUN_LABEL,
    TASK_LABEL,
    remove,
)
from repo_agent_dagster.sandbox.docker_engine import engine, engine_errors
from repo_agent_dagster.sandbox.images.building import RECIPE_LABEL
from repo_agent_dagster.sandbox.network import PROXY_LABEL, remove_network

Kind = Literal["sandbox", "proxy", "network"]

GRACE_SECONDS = 60.0
BUDGET_SECONDS = 120.0


@dataclass(frozen=True)
class LiveSandbox:
    """A sandbox, or the proxy or network of one, that exists on the engine now; the times are UTC.

    `sandbox` is the name of the sandbox that it is or serves; `network` its policy, empty where no label tells it.
    """

    id: str
    name: str
    task_id: str
    run_id: str | None
    owner: str
    status: str
    created_at: datetime
    deadline: datetime | None
    network: str = ""
    kind: Kind = "sandbox"
    sandbox: str = ""


@dataclass(frozen=True)
class ReapedSandbox:
    """What was removed (or would be), and why."""

    id: str
    name: str
    task_id: str
    reason: str
    kind: Kind = "sandbox"


@dataclass
class Reaping:
    """What one pass removed, and what it could not remove: the next pass tries again."""

    removed: list[ReapedSandbox] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def list_sandboxes(*, owner: str | None = None) -> list[LiveSandbox]:
    """Return the sandboxes on this engine, oldest first; those of one owner, or of all.

    Raises:
        SandboxUnavailable: no Docker engine answers.
    """
    found = (live for _, live in _containers(owner) if live.kind == "sandbox")
    return sorted(found, key=lambda live: live.created_at)


def memory_in_use(container_id: str) -> int | None:
    """Return the bytes that a running sandbox is charged with, files on its tmpfs included; None if it is gone."""
    try:
        with engine_errors("asking for a sandbox's memory"):
            told = engine().api.stats(container_id, stream=False, one_shot=True)
    except TransientFault:
        return None
    usage = told.get("memory_stats", {}).get("usage")
    return int(usage) if usage is not None else None


def reap(
    *,
    is_over: Callable[[LiveSandbox], bool],
    now: datetime,
    owner: str | None = None,
    grace_seconds: float = GRACE_SECONDS,
    dry_run: bool = False,
) -> Reaping:
    """Remove what outlived its deadline, its task, its run or its sandbox; one failure does not stop the rest.

    `is_over` tells of a sandbox, or of its proxy or network, whether its task or its run is over. A proxy or a network
    may lack its sandbox for `grace_seconds`: it is made before that. Give the `owner` unless `is_over` knows the tasks
    of every installation that uses this engine. With `dry_run`, nothing is removed.

    Raises:
        SandboxUnavailable: no Docker engine answers.
    """
    grace, standing = timedelta(seconds=grace_seconds), set[str]()

    def reason(live: LiveSandbox) -> str:
        if live.deadline is None or live.deadline <= now:
            return "its deadline passed" if live.deadline else "its deadline label is not readable"
        if is_over(live):
            return "its task or its run is over"
        alone = live.kind != "sandbox" and live.sandbox not in standing
        return "its sandbox is gone" if alone and live.created_at + grace <= now else ""

    return _remove_where(reason, owner, standing, dry_run=dry_run)


def reap_all(owner: Path | str | None = None, *, dry_run: bool = False) -> Reaping:
    """Remove every sandbox on this engine, whatever its task does; with `owner`, that installation's alone.

    Raises:
        SandboxUnavailable: no Docker engine answers.
    """
    return _remove_where(
        lambda _live: "all were asked for", None if owner is None else str(owner), set(), dry_run=dry_run
    )


def _remove_where(
    reason_of: Callable[[LiveSandbox], str], owner: str | None, standing: set[str], *, dry_run: bool
) -> Reaping:
    """Remove what there is a reason for: sandboxes, then their proxies, then the networks that are free by then.

    `standing` is filled with the names of the sandboxes that stay, before the others are asked about.
    """
    done = Reaping()
    end = time.monotonic() + BUDGET_SECONDS

    def take(live: LiveSandbox, removal: Callable[[], None], reason: str) -> None:
        if time.monotonic() > end:
            done.problems.append(f"the {live.kind} {live.name} is left for the next pass: this one took too long")
            return
        try:
            if not dry_run:
                with engine_errors(f"removing the {live.kind} {live.name}"):
                    removal()
        except (PermanentFault, TransientFault) as error:
            done.problems.append(str(error))
            return
        done.removed.append(ReapedSandbox(live.id, live.name, live.task_id, reason, live.kind))

    for container, live in sorted(_containers(owner), key=lambda found: (found[1].kind != "sandbox", found[1].id)):
        if reason := reason_of(live):
            take(live, partial(remove, container), reason)
        elif live.kind == "sandbox":
            standing.add(live.name)
    for network, live in _networks(owner):
        if reason := reason_of(live):
            take(live, partial(remove_network, network), reason)
    if not dry_run:
        with engine_errors("removing images that newer ones replaced"):
            engine().images.prune(filters={"dangling": True, "label": RECIPE_LABEL})  # those in use stay
    return done


def _containers(owner: str | None) -> list[tuple[Container, LiveSandbox]]:
    with engine_errors("listing the sandboxes"):
        found = engine().containers.list(all=True, filters={"label": _labels_of(owner)}, ignore_removed=True)
    return [
        (container, _live(str(container.id), str(container.name), str(container.status), container))
        for container in found
    ]


def _networks(owner: str | None) -> list[tuple[Network, LiveSandbox]]:
    with engine_errors("listing the networks of sandboxes"):
        found = engine().networks.list(filters={"label": _labels_of(owner)})
    return [(network, _live(str(network.id), str(network.name), "", network)) for network in found]


def _labels_of(owner: str | None) -> list[str]:
    return [TASK_LABEL] if owner is None else [TASK_LABEL, f"{OWNER_LABEL}={owner}"]


def _live(identity: str, name: str, status: str, thing: Container | Network) -> LiveSandbox:
    labels: dict[str, str] = thing.labels if isinstance(thing, Container) else thing.attrs["Labels"]
    kind: Kind = "network" if isinstance(thing, Network) else "proxy" if PROXY_LABEL in labels else "sandbox"
    return LiveSandbox(
        id=identity,
        name=name,
        task_id=labels[TASK_LABEL],
        run_id=labels.get(RUN_LABEL) or None,
        owner=labels.get(OWNER_LABEL, ""),
        status=status,
        created_at=datetime.fromisoformat(thing.attrs["Created"]).astimezone(UTC),
        deadline=_instant(labels.get(DEADLINE_LABEL, "")),
        network=labels.get(NETWORK_LABEL, ""),
        kind=kind,
        sandbox=labels.get(PROXY_LABEL, name),
    )


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else None
