"""What a refactoring left is put to a model, where one is configured: a patch batch like any other, or nothing.

Nobody depends on it. Without a model, or where its proposal does not hold, the places stay as manual work.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from repo_agent_dagster.ai import AiFault, propose_batch
from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.model import Plan
from repo_agent_dagster.migration.refactor.model import Refactoring
from repo_agent_dagster.migration.refactor.prompt import manual_work_prompt
from repo_agent_dagster.migration.steps.remediation import Remedy, leave_manual_work
from repo_agent_dagster.patching import Checker, CheckFailed, InvalidPatch, PatchConflict, Workspace, apply_batch
from repo_agent_dagster.store.ids import new_id

if TYPE_CHECKING:
    from repo_agent_dagster.migration.steps.migration import Migration

TEMPLATE = "d1_to_rpc"
REQUESTER = "migrate-staging, by a model"


def do_manual_work(migration: "Migration", planned: Plan, checker: Checker | None) -> str:
    """Have the places done that the refactoring left, and return in a line what became of them."""
    refactoring, spec = planned.refactoring, migration.manifest.refactor.d1_to_rpc
    if refactoring is None or spec is None or not refactoring.manual:
        return ""
    left = f"{len(refactoring.manual)} places are left as manual work"
    if migration.environment.provider is None:
        return f"{left} (no model is configured)"
    try:
        batch_id = _propose_and_apply(migration, refactoring, spec, checker)
    except (AiFault, CheckFailed, InvalidPatch, PatchConflict) as error:
        output = "\n".join(str(finding) for finding in error.findings) if isinstance(error, CheckFailed) else ""
        told = f"a model was asked for the manual work, and its answer does not hold: {error}"
        remedy = Remedy("refactor", told, output)
        task = leave_manual_work(
            migration.environment, migration.account, migration.manifest, remedy, command=migration.command
        )
        return f"{left}, remediation task {task}; {told}"
    return f"the {len(refactoring.manual)} places of manual work were done by a model: batch {batch_id}"


def _propose_and_apply(migration: "Migration", refactoring: Refactoring, spec: D1ToRpc, checker: Checker | None) -> str:
    environment, manifest = migration.environment, migration.manifest
    if environment.provider is None:
        raise ValueError("without a provider nothing is proposed")
    workspace = Workspace(migration.target_root)

    def conflicts(batch: PatchBatch) -> list[str]:
        try:
            apply_batch(workspace, batch, custody=environment.custody, now=environment.now(), dry_run=True)
        except (InvalidPatch, PatchConflict) as error:
            return [str(error)]
        return []

    batch = propose_batch(
        environment.provider(),
        TEMPLATE,
        _context(migration, refactoring, spec),
        allowed=[manifest.destination, spec.orchestrator],
        requester=REQUESTER,
        order_id=manifest.order_id,
        phase=manifest.order.phase,
        judge=conflicts,
    )
    batch_id = new_id()
    migration.account.add_batch(batch_id)
    apply_batch(
        workspace,
        batch,
        custody=environment.custody,
        now=environment.now(),
        checker=checker,
        batch_id=batch_id,
    )
    return batch_id


def _context(migration: "Migration", refactoring: Refactoring, spec: D1ToRpc) -> dict[str, object]:
    """Return what the template needs: what was left, and every file that it may be about as it stands now."""
    destination, manifest = Destination(migration.target_root), migration.manifest
    files = {**destination.files_under(manifest.destination), **destination.files_under(spec.orchestrator)}
    context = manual_work_prompt(refactoring, files)
    context["files"] = {**context["files"], **_texts(files, refactoring)}
    return {
        **context,
        "unit": manifest.unit,
        "destination": manifest.destination,
        "orchestrator": spec.orchestrator,
        "binding": spec.binding,
        "database": spec.database,
    }


def _texts(files: Mapping[str, bytes], refactoring: Refactoring) -> dict[str, str]:
    """Return what belongs to every change: the generated files, both wrangler files, and the entrypoints."""
    named = {*refactoring.generated, *refactoring.orchestrator}
    wanted = [
        path
        for path in files
        if path in named
        or path.rpartition("/")[2].startswith("wrangler.")
        or path.endswith("-rpc.ts")
        or b"WorkerEntrypoint" in files[path]
    ]
    return {path: files[path].decode("utf-8", "replace") for path in sorted(wanted)}
