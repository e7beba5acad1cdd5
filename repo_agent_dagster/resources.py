"""Dagster resources: thin shells that hand plain engine objects to ops, assets and sensors.

Here belongs what has a life-cycle or a configuration; no rule of the business, and nothing that an engine test needs.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Literal

import dagster as dg
from pydantic import PrivateAttr
from sqlalchemy import Engine

from repo_agent_dagster.ai import Provider, into_store, spec_of
from repo_agent_dagster.artifacts import ArtifactStore, TaskArtifacts
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
from repo_agent_dagster.migration import Bases, Environment
from repo_agent_dagster.migration.rewriting.compiler import CompilerReader
from repo_agent_dagster.notify import SECRET_ENV, Delivery, deliver, subscribe
from repo_agent_dagster.patching import Checker, InvalidPatch, MarkerPattern, Workspace
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.in_process import sandbox_fields
from repo_agent_dagster.pathways.patch_checks.workspace_checks import (
    CheckLimits,
    check_limits,
    checker_for,
    project_checker,
)
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.setup.kept import KeptSetups
from repo_agent_dagster.pathways.setup.packages import install_packages
from repo_agent_dagster.sandbox import Repositories, Sandbox, SandboxSpec, StoreSink
from repo_agent_dagster.settings import NetworkPolicy, Settings
from repo_agent_dagster.store import workspaces
from repo_agent_dagster.store.engine import open_store, read_transaction
from repo_agent_dagster.store.migrate import current_revision, head_revision
from repo_agent_dagster.store.patch_events import StoreCustody


@cache
def _open_current_store(url: str) -> Engine:
    # Dagster makes a resource anew for every run and sensor tick; the connection pool is worth keeping.
    engine = open_store(url)
    found, expected = current_revision(engine), head_revision()
    if found != expected:
        engine.dispose()
        raise PermanentFault(
            f"the store's schema is at revision {found or 'none'}, this code expects {expected}; "
            "run `repo-agent db upgrade`"
        )
    return engine


class StoreResource(dg.ConfigurableResource):
    """The project's database."""

    database_url: str

    def engine(self) -> Engine:
        """Return the open store, one engine per process and URL.

        Raises:
            PermanentFault: the database's schema is not the one this version of the code expects.
        """
        return _open_current_store(self.database_url)

    def custody(self) -> StoreCustody:
        """Return the custody log that patches are recorded in."""
        return StoreCustody(self.engine())


class FoldersResource(dg.ConfigurableResource):
    """The folders that the system reads from and writes to, as absolute paths."""

    staging: str
    staging_cache: str
    target_root: str
    settle_seconds: float
    worker_logs: str
    build_logs: str
    quarantine: str
    reports: str
    artifacts: str


class SandboxResource(dg.ConfigurableResource):
    """Sandboxes for one run. Whatever a run opened is destroyed when the run ends, however it ends.

    Dagster closes resources in `finally` also when a run is cancelled; a SIGKILLed worker is the reaper's business.
    One run is one process (in-process executor), so that steps can share a sandbox.
    """

    owner: str
    image: str
    user: str
    cpus: float
    memory_mb: int
    pids: int
    disk_mb: int
    deadline_seconds: int
    network: NetworkPolicy
    allowed_hosts: list[str]
    proxy_image: str
    log_cap_kb: int
    artifacts: str
    mirrors: str
    repo_protocols: list[str]
    git_credential_helper: str
    mirror_budget_mb: int
    repository_max_mb: int
    _opened: list[Sandboxes] = PrivateAttr(default_factory=list)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["SandboxResource"]:
        """Lend the resource to a run and destroy its sandboxes afterwards."""
        try:
            yield self
        finally:
            self.destroy_all()

    def destroy_all(self) -> None:
        """Destroy every sandbox that this resource opened; safe to call twice."""
        while self._opened:
            self._opened.pop().destroy_all()

    def of_task(
        self, *, task_id: str, run_id: str, store: StoreResource, artifacts: TaskArtifacts | None = None
    ) -> Sandboxes:
        """Return what opens a task's sandboxes; they end with the run.

        Their output goes to the store; where it is too long for that, all of it goes to the task's artifacts.
        """
        spec = SandboxSpec(
            task_id=task_id,
            run_id=run_id,
            owner=self.owner,
            image=self.image,
            user=self.user,
            cpus=self.cpus,
            memory_mb=self.memory_mb,
            pids=self.pids,
            disk_mb=self.disk_mb,
            deadline_seconds=self.deadline_seconds,
            network=self.network,
            allowed_hosts=tuple(self.allowed_hosts),
            proxy_image=self.proxy_image,
        )
        kept = artifacts or TaskArtifacts(ArtifactStore(self.artifacts), task_id)
        sink = StoreSink(
            store.engine(),
            task_id,
            cap_bytes=self.log_cap_kb * 1024,
            keep=lambda name, file: kept.put(name, file).url,
        )
        sandboxes = Sandboxes(spec, sink)
        self._opened.append(sandboxes)
        return sandboxes

    def repositories(self) -> Repositories:
        """Return the host-side mirrors."""
        return Repositories(
            Path(self.mirrors),
            frozenset(self.repo_protocols),
            credential_helper=self.git_credential_helper,
            budget_bytes=self.mirror_budget_mb << 20,
            repository_bytes=self.repository_max_mb << 20,
        )


class PathwaysResource(dg.ConfigurableResource):
    """What the steps of a pathway work with: one `TaskContext` for each run, which is one process."""

    artifacts: str
    script_delivery: Literal["put", "url"]
    setup_cache: str
    setup_cache_mb: int
    allowed_images: list[str]
    _contexts: dict[str, TaskContext] = PrivateAttr(default_factory=dict)

    def context_of(
        self,
        context: dg.OpExecutionContext,
        store: StoreResource,
        clock: "ClockResource",
        sandboxes: SandboxResource,
    ) -> TaskContext:
        """Return the run's context: the same for all its ops; its sandboxes are destroyed when the run ends."""
        task_id, run_id = context.partition_key, context.run_id
        if run_id not in self._contexts:
            kept = ArtifactStore(self.artifacts)
            artifacts = TaskArtifacts(kept, task_id)
            opened = sandboxes.of_task(task_id=task_id, run_id=run_id, store=store, artifacts=artifacts)
            self._contexts[run_id] = TaskContext(
                task_id=task_id,
                engine=store.engine(),
                sandboxes=opened,
                repositories=sandboxes.repositories(),
                artifacts=artifacts,
                scripts=Scripts(kept, way=self.script_delivery),
                kept_setups=KeptSetups(Path(self.setup_cache), self.setup_cache_mb),
                allowed_images=tuple(self.allowed_images),
                now=clock.now,
                provider=_provider(store, clock, task_id),
                say=context.log.info,
            )
        return self._contexts[run_id]


class WorkspacesResource(dg.ConfigurableResource):
    """The checkouts that patches are applied on: where they are, how markers look there, and what checks may use."""

    marker_opening: str
    marker_closing: str
    check_timeout_seconds: float
    check_memory_mb: int
    check_copy_mb: int
    check_image: str
    check_user: str
    check_cpus: float
    check_pids: int
    check_disk_mb: int
    check_owner: str

    def find(
        self, store: StoreResource, name_or_root: str, *, only_registered: bool
    ) -> tuple[Workspace, RegisteredWorkspace | None]:
        """Return a workspace by its registered name or its absolute path, and what is registered of it.

        What comes by the queue may name registered workspaces alone: whoever may submit tasks may not thereby change
        any folder of this machine.

        Raises:
            InvalidPatch: it is neither, or it is not registered and has to be.
        """
        with read_transaction(store.engine()) as conn:
            registered = workspaces.find(conn, name_or_root)
        if registered is None and only_registered:
            raise InvalidPatch(
                f"no workspace {name_or_root!r} is registered; `repo-agent workspaces add PATH` registers a checkout"
            )
        root = Path(name_or_root).expanduser() if registered is None else registered.root
        if not root.is_absolute() or not root.is_dir():
            raise InvalidPatch(
                f"there is no workspace {name_or_root!r}: give a registered name (`repo-agent workspaces list`) "
                "or the absolute path of a folder"
            )
        return Workspace(root, markers=MarkerPattern(self.marker_opening, self.marker_closing)), registered

    def project_checker(self, projects: Sequence[str]) -> Checker:
        """Return the type check of some projects of a workspace, by their tsconfig files."""
        return project_checker(projects, self._limits())

    def checker(
        self, workspace: Workspace, registered: RegisteredWorkspace | None, batch: PatchBatch
    ) -> Checker | None:
        """Return what a batch is checked by: what it asks for, else the workspace's own check; None: by nothing."""
        return checker_for(workspace.root, batch, self._limits(), registered=registered)

    def _limits(self) -> CheckLimits:
        return CheckLimits(
            timeout_seconds=self.check_timeout_seconds,
            memory_mb=self.check_memory_mb,
            copy_mb=self.check_copy_mb,
            image=self.check_image,
            user=self.check_user,
            cpus=self.check_cpus,
            pids=self.check_pids,
            disk_mb=self.check_disk_mb,
            owner=self.check_owner,
        )


class MigrationResource(dg.ConfigurableResource):
    """What migrations of STAGING units share beside the store and the sandboxes."""

    bases: str
    needs_approval: bool
    parser: str

    def environment(
        self,
        store: StoreResource,
        clock: "ClockResource",
        sandboxes: SandboxResource,
        workspaces: WorkspacesResource,
        notifications: "NotificationsResource",
        *,
        task_id: str,
        run_id: str,
    ) -> Environment:
        """Return what the steps of one migration work with; its sandbox is opened when it is first needed."""
        boxes: list[Sandbox] = []

        def box() -> Sandbox:
            if not boxes:
                boxes.append(sandboxes.of_task(task_id=task_id, run_id=run_id, store=store).open())
            return boxes[0]

        def notify() -> str:
            done = notifications.deliver(store, clock, budget_seconds=10.0)
            return "; ".join([f"{done.delivered} events delivered", *done.problems])

        return Environment(
            engine=store.engine(),
            custody=store.custody(),
            bases=Bases(Path(self.bases)),
            now=clock.now,
            open_box=lambda: nullcontext(box()),
            checker=workspaces.project_checker,
            install=install_packages,
            provider=_provider(store, clock, task_id),
            reader=None if self.parser == "ast-grep" else lambda: CompilerReader(box()),
            needs_approval=self.needs_approval,
            notify=notify if notifications.url else None,
        )


def _provider(store: StoreResource, clock: "ClockResource", task_id: str) -> Callable[[], Provider] | None:
    # From the environment and not from a resource's config, which Dagster shows and keeps: it has the key.
    spec = spec_of(Settings())
    if spec is None:
        return None
    return lambda: Provider(spec, clock=clock.now, record=into_store(store.engine()), task_request_id=task_id)


class NotificationsResource(dg.ConfigurableResource):
    """Who is told of all patch events, by the settings. The secret is only named: Dagster shows a resource's config."""

    url: str
    secret_env: str | None

    def deliver(self, store: StoreResource, clock: "ClockResource", *, budget_seconds: float) -> Delivery:
        """Tell whoever is due, for at most about that long."""
        if self.url:
            subscribe(store.engine(), self.url, now=clock.now(), secret_env=self.secret_env)
        return deliver(
            store.engine(), clock=clock.now, secrets=os.environ, chance=SystemRandom(), budget_seconds=budget_seconds
        )


class ClockResource(dg.ConfigurableResource):
    """The time, as a resource, so that tests can stop it."""

    fixed: str | None = None

    def now(self) -> datetime:
        """Return the present instant (UTC), or the fixed one."""
        return datetime.fromisoformat(self.fixed) if self.fixed else datetime.now(UTC)


def build_resources(settings: Settings) -> dict[str, dg.ConfigurableResource]:
    """Return every resource under the name that ops, assets and sensors ask for it by."""
    return {
        "store": StoreResource(database_url=settings.store_url),
        "folders": FoldersResource(
            staging=str(settings.staging),
            staging_cache=str(settings.staging_cache),
            target_root=str(settings.target_root),
            settle_seconds=settings.staging_settle_seconds,
            worker_logs=str(settings.worker_logs),
            build_logs=str(settings.build_logs),
            quarantine=str(settings.log_quarantine),
            reports=str(settings.reports),
            artifacts=str(settings.artifacts),
        ),
        "sandboxes": SandboxResource(
            **sandbox_fields(settings),
            log_cap_kb=settings.sandbox_log_cap_kb,
            artifacts=settings.artifact_store,
            mirrors=str(settings.mirrors),
            repo_protocols=sorted(settings.allowed_protocols),
            git_credential_helper=settings.git_credential_helper,
            mirror_budget_mb=settings.mirror_budget_mb,
            repository_max_mb=settings.repository_max_mb,
        ),
        "pathways": PathwaysResource(
            artifacts=settings.artifact_store,
            script_delivery=settings.script_delivery,
            setup_cache=str(settings.setup_cache),
            setup_cache_mb=settings.setup_cache_mb,
            allowed_images=list(settings.allowed_images),
        ),
        "workspaces": WorkspacesResource(
            marker_opening=settings.marker_opening,
            marker_closing=settings.marker_closing,
            **{f"check_{name}": value for name, value in asdict(check_limits(settings)).items()},
        ),
        "migrations": MigrationResource(
            bases=str(settings.migration_bases),
            needs_approval=settings.migration_approval,
            parser=settings.migration_parser,
        ),
        "notifications": NotificationsResource(
            url=settings.notify_url,
            secret_env=SECRET_ENV if settings.notify_secret.get_secret_value() else None,
        ),
        "clock": ClockResource(),
    }
