"""Sandboxes of a run, and what the steps of a pathway work with."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import PrivateAttr

from repo_agent_dagster.ai import Provider, into_store, spec_of
from repo_agent_dagster.artifacts import ArtifactStore, TaskArtifacts
from repo_agent_dagster.pathways.context import Sandboxes, TaskContext
from repo_agent_dagster.pathways.scripts import Scripts
from repo_agent_dagster.pathways.setup.kept import KeptSetups
from repo_agent_dagster.resources.storage import ClockResource, StoreResource
from repo_agent_dagster.sandbox import Repositories, SandboxSpec, StoreSink
from repo_agent_dagster.settings import NetworkPolicy, Settings


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
        clock: ClockResource,
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
                provider=provider_of(store, clock, task_id),
                say=context.log.info,
            )
        return self._contexts[run_id]


def provider_of(store: StoreResource, clock: ClockResource, task_id: str) -> Callable[[], Provider] | None:
    """Return what makes a task's model; None where none is configured."""
    # From the environment and not from a resource's config, which Dagster shows and keeps: it has the key.
    spec = spec_of(Settings())
    if spec is None:
        return None
    return lambda: Provider(spec, clock=clock.now, record=into_store(store.engine()), task_request_id=task_id)
