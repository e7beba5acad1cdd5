"""Ask a model for patches: it proposes operations; who asks, for which order, and where patches may go is ours."""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repo_agent_dagster.ai.faults import NothingProposed
from repo_agent_dagster.ai.prompting import rendered
from repo_agent_dagster.ai.proposed_patches import ProposedBatch, ProposedOperation
from repo_agent_dagster.ai.provider import Provider
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.redaction import REDACTED

_WILDCARDS = frozenset("*?")


def propose_batch(
    provider: Provider,
    template: str,
    context: Mapping[str, Any],
    *,
    allowed: Sequence[str],
    requester: str = "ai",
    order_id: str | None = None,
    phase: str | None = None,
    judge: Callable[[PatchBatch], Sequence[str]] = lambda _batch: (),
) -> PatchBatch:
    """Return the batch that a model proposes for a prompt; nothing is written.

    `allowed` names the files and folders, relative to the workspace, that patches may touch; ``.`` is all of it. The
    template has them as `allowed`, and they become the batch's `allowedPaths`, so the patching engine holds it to them
    as well. `judge` returns what is wrong with a batch, such as the conflicts of a dry run; the model is told, and may
    correct itself once.

    Raises:
        NothingProposed: the model says that it cannot be done.
        PromptBroken: the template wants what the context lacks.
        AnswerInvalid, ModelRefused, ProviderUnavailable, ProviderRefused, BudgetSpent: as `Provider.propose`.
    """
    scope = _Scope(allowed)

    def batch_of(proposed: ProposedBatch) -> PatchBatch:
        return PatchBatch.model_validate(
            {
                "patches": [operation.model_dump(by_alias=True) for operation in proposed.patches],
                "reason": proposed.reason,
                "requester": requester,
                "order_id": order_id,
                "phase": phase,
                "allowed_paths": scope.globs,
            }
        )

    def problems(proposed: ProposedBatch) -> Sequence[str]:
        found = [
            f"patches.{index}: {problem}"
            for index, operation in enumerate(proposed.patches)
            for problem in _problems(operation, scope)
        ]
        return found or (judge(batch_of(proposed)) if proposed.patches else ())

    prompt = rendered(template, {**context, "allowed": list(allowed)})
    proposed = provider.propose(ProposedBatch, prompt, agent=template, judge=problems).value
    if not proposed.patches:
        raise NothingProposed(f"{provider.spec.model} proposes nothing: {proposed.reason}")
    return batch_of(proposed)


class _Scope:
    """The files and folders that patches may touch, by name."""

    def __init__(self, names: Sequence[str]) -> None:
        for name in names:
            if _WILDCARDS & set(name) or name != posixpath.normpath(name) or name.startswith(("/", "../")):
                raise ValueError(f"allowed names files and folders relative to the workspace, not {name!r}")
        self.globs = ["**" if name == "." else name for name in names]
        self._names = tuple(names)

    def permits(self, path: str) -> bool:
        return any(name == "." or path == name or path.startswith(f"{name}/") for name in self._names)

    def __str__(self) -> str:
        return ", ".join(self._names)


def _problems(operation: ProposedOperation, scope: _Scope) -> list[str]:
    found = []
    if operation.file != posixpath.normpath(operation.file) or operation.file.startswith(("/", "..")):
        found.append(f"file {operation.file!r} is not a plain path relative to the workspace")
    elif not scope.permits(operation.file):
        found.append(f"file {operation.file!r} is outside what may be changed: {scope}")
    if REDACTED in operation.model_dump_json():
        found.append("it holds a text that stands for a secret; leave lines with one as they are")
    return found
