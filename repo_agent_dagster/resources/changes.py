"""Workspaces, migrations, and who is told of what changed."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from random import SystemRandom

import dagster as dg

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
from repo_agent_dagster.migration import Bases, Environment
from repo_agent_dagster.migration.rewriting.compiler import CompilerReader
from repo_agent_dagster.notify import Delivery, deliver, subscribe
from repo_agent_dagster.patching import Checker, InvalidPatch, MarkerPattern, Workspace
from repo_agent_dagster.pathways.patch_checks.workspace_checks import (
    CheckLimits,
    checker_for,
    project_checker,
)
from repo_agent_dagster.pathways.setup.packages import install_packages
from repo_agent_dagster.resources.sandboxes import SandboxResource, provider_of
from repo_agent_dagster.resources.storage import ClockResource, StoreResource
from repo_agent_dagster.sandbox import Sandbox
from repo_agent_dagster.store import workspaces
from repo_agent_dagster.store.engine import read_transaction


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
        clock: ClockResource,
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
            provider=provider_of(store, clock, task_id),
            reader=None if self.parser == "ast-grep" else lambda: CompilerReader(box()),
            needs_approval=self.needs_approval,
            notify=notify if notifications.url else None,
        )


class NotificationsResource(dg.ConfigurableResource):
    """Who is told of all patch events, by the settings. The secret is only named: Dagster shows a resource's config."""

    url: str
    secret_env: str | None

    def deliver(self, store: StoreResource, clock: ClockResource, *, budget_seconds: float) -> Delivery:
        """Tell whoever is due, for at most about that long."""
        if self.url:
            subscribe(store.engine(), self.url, now=clock.now(), secret_env=self.secret_env)
        return deliver(
            store.engine(), clock=clock.now, secrets=os.environ, chance=SystemRandom(), budget_seconds=budget_seconds
        )
