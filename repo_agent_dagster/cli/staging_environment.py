"""What a migration from the terminal works with: the store, a sandbox of its own, the subscribers of events."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from repo_agent_dagster.ai import Provider
    from repo_agent_dagster.migration import Environment
    from repo_agent_dagster.sandbox.sandbox import Sandbox

NOTIFY_SECONDS = 10.0


def open_engine() -> "Engine":
    """Return the store, brought up to date."""
    from repo_agent_dagster.store.revision import open_upgraded

    return open_upgraded(Settings().store_url)


@contextmanager
def environment(
    *, validated: bool = True, on_step: Callable[[dict[str, Any]], None] = lambda _step: None
) -> "Iterator[Environment]":
    """Lend what a migration needs; one sandbox serves all of its steps and ends with it.

    With `validated` the sandbox is opened at once: a Docker that is down then leaves nothing to roll back.
    """
    from repo_agent_dagster.migration import Bases, Environment
    from repo_agent_dagster.pathways.patch_checks.workspace_checks import check_limits, project_checker
    from repo_agent_dagster.pathways.setup.packages import install_packages
    from repo_agent_dagster.store.patch_events import StoreCustody

    settings = Settings()
    engine = open_engine()
    with ExitStack() as stack:
        box = stack.enter_context(_sandbox(settings)) if validated else None
        yield Environment(
            engine=engine,
            custody=StoreCustody(engine),
            bases=Bases(settings.migration_bases),
            now=now,
            open_box=None if box is None else lambda: nullcontext(box),
            checker=None if box is None else lambda projects: project_checker(projects, check_limits(settings)),
            reader=_reader(settings, box),
            install=install_packages,
            provider=_provider(settings, engine),
            needs_approval=settings.migration_approval,
            notify=(lambda: _notify(engine)) if settings.notify_url else None,
            on_step=on_step,
        )


def now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)


def _reader(settings: Settings, box: "Sandbox | None") -> Any:
    from repo_agent_dagster.contracts.faults import PermanentFault
    from repo_agent_dagster.migration import CompilerReader

    if settings.migration_parser == "ast-grep" or (settings.migration_parser == "auto" and box is None):
        return None
    if box is None:
        raise PermanentFault("REPO_AGENT_MIGRATION_PARSER=typescript needs a sandbox; leave out --no-validate")
    return lambda: CompilerReader(box)


def _provider(settings: Settings, engine: "Engine") -> "Callable[[], Provider] | None":
    from repo_agent_dagster.ai import Provider, into_store, spec_of

    spec = spec_of(settings)
    return None if spec is None else lambda: Provider(spec, clock=now, record=into_store(engine))


def _sandbox(settings: Settings) -> "AbstractContextManager[Sandbox]":
    from repo_agent_dagster.pathways.in_process import sandbox_fields
    from repo_agent_dagster.pathways.local_run import local_run_id
    from repo_agent_dagster.sandbox.sandbox import Sandbox
    from repo_agent_dagster.sandbox.spec import SandboxSpec
    from repo_agent_dagster.store.ids import new_id

    # In no queue: the sandbox is over with this process.
    spec = SandboxSpec(f"migrate-staging-{new_id()}", run_id=local_run_id(), **sandbox_fields(settings))
    return Sandbox.open(spec)


def _notify(engine: "Engine") -> str:
    from random import SystemRandom

    from repo_agent_dagster.notify import SECRET_ENV, deliver, subscribe

    settings = Settings()
    secret_env = SECRET_ENV if os.environ.get(SECRET_ENV) else None
    subscribe(engine, settings.notify_url, now=now(), secret_env=secret_env)
    done = deliver(engine, clock=now, secrets=os.environ, chance=SystemRandom(), budget_seconds=NOTIFY_SECONDS)
    told = f"{done.delivered} events delivered"
    return told if not done.problems else f"{told}; {'; '.join(done.problems)}"
