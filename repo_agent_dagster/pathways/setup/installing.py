"""Install what a repository needs, or bring back what was installed for it before."""

import time
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.suites import SetupSummary
from repo_agent_dagster.contracts.tasks import RepositoryPayload
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.setup.environment import carry_out, read_tools
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts
from repo_agent_dagster.pathways.setup.file_names import decides_setup
from repo_agent_dagster.pathways.setup.kept import KeptSetups, SetupKey
from repo_agent_dagster.pathways.setup.made import NotSelfContained, made_paths
from repo_agent_dagster.pathways.setup.plan import plan_setup
from repo_agent_dagster.pathways.setup.steps import Tools
from repo_agent_dagster.pathways.suites.detection import Ecosystem
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.pathways.setup.opening import Checkout
    from repo_agent_dagster.sandbox.sandbox import Sandbox


def install(
    context: TaskContext,
    box: "Sandbox",
    checkout: "Checkout",
    payload: RepositoryPayload,
    facts: RepositoryFacts,
    ecosystem: Ecosystem,
) -> SetupSummary:
    """Make the clone's tests runnable: from what is kept of an earlier task where there is any, else by installing.

    A failure is told in the summary, not raised.
    """
    kept = context.kept_setups if payload.use_cache else None
    if kept is None or checkout.mirror is None:
        return _install(context, box, checkout, payload, facts, ecosystem)
    key = _key(box, checkout, payload, facts, ecosystem)
    restored = _restore(context, kept, key, box, checkout)
    if restored is not None:
        return restored
    with kept.making(key, wait_seconds=payload.timeout_seconds):
        # Another task may have kept it while this one waited.
        restored = _restore(context, kept, key, box, checkout)
        if restored is not None:
            return restored
        summary = _install(context, box, checkout, payload, facts, ecosystem)
        if summary.ok and summary.commands:
            context.think("set_up", _keep(context, kept, key, box, checkout, summary))
        return summary


def _install(
    context: TaskContext,
    box: "Sandbox",
    checkout: "Checkout",
    payload: RepositoryPayload,
    facts: RepositoryFacts,
    ecosystem: Ecosystem,
) -> SetupSummary:
    plan = plan_setup(facts, ecosystem, read_tools(box), checkout.recipe)
    summary = carry_out(box, checkout.path, plan, ecosystem, timeout_seconds=payload.timeout_seconds)
    context.think("set_up", summary.note)
    return summary


def _key(
    box: "Sandbox",
    checkout: "Checkout",
    payload: RepositoryPayload,
    facts: RepositoryFacts,
    ecosystem: Ecosystem,
) -> SetupKey:
    # What the image's tools are follows from the image; whether sources count does not depend on them.
    whole = plan_setup(facts, ecosystem, Tools(), checkout.recipe).whole_commit or payload.submodules or payload.lfs
    return SetupKey(
        image=box.image_id,
        url=checkout.url,
        subfolder=payload.subfolder,
        ecosystem=ecosystem,
        commands=tuple(checkout.recipe.setup),
        facts={name: digest for name, digest in facts.digests.items() if decides_setup(name)},
        commit=checkout.commit if whole else "",
    )


def _restore(
    context: TaskContext, kept: KeptSetups, key: SetupKey, box: "Sandbox", checkout: "Checkout"
) -> SetupSummary | None:
    from repo_agent_dagster.sandbox.repositories.reading import files_at

    if checkout.mirror is None or not kept.has(key):
        return None
    started = time.monotonic()
    tracked = files_at(checkout.mirror, checkout.commit)
    made = kept.restore(key, box, tracked=tracked, root=checkout.root, now=context.now())
    if made is None:
        context.think("set_up", "an earlier task's installed state was there, but could not be used: installing anew")
        return None
    note = f"what an earlier task installed was brought back ({made.note})"
    context.think("set_up", note)
    seconds = round(time.monotonic() - started, 3)
    return made.model_copy(update={"cached": True, "used_network": False, "duration_seconds": seconds, "note": note})


def _keep(
    context: TaskContext,
    kept: KeptSetups,
    key: SetupKey,
    box: "Sandbox",
    checkout: "Checkout",
    summary: SetupSummary,
) -> str:
    """Keep what was installed, before any test of the repository has run; return what became of it."""
    if not checkout.trusted:
        # Anybody can open one, and what its set-up made would run in the tasks of everybody else.
        return "what was installed is not kept: the ref is a pull request's"
    try:
        size = kept.keep(key, box, made_paths(box, checkout.root), summary, now=context.now())
    except (NotSelfContained, SandboxFileError, OSError) as error:
        return f"what was installed is not kept: {error}"
    if not size:
        return "what was installed is not kept: it is too large for the budget (REPO_AGENT_SETUP_CACHE_MB)"
    return f"what was installed is kept for the next task, {size / (1 << 20):.1f} MiB"
