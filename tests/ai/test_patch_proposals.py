"""A model proposes patches; what they may touch, and in whose name, is ours; the patching engine has the last word."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from repo_agent_dagster.ai import AnswerInvalid, NothingProposed, propose_batch
from repo_agent_dagster.ai.proposed_patches import ProposedBatch
from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import InvalidPatch, PatchConflict, Workspace, apply_batch
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.ai.conftest import MakeProvider
from tests.ai.endpoint_server import ModelServer, completion
from tests.ai.test_prompting import LEFT

WORKER = "const a = 1;\n  db.q(`x`);\n"
SWAP = {
    "op": "replace-block",
    "file": "apps/shop/a.ts",
    "start": 2,
    "end": 2,
    "expect": {"text": "  db.q(`x`);"},
    "block": "  await env.ROWS.x();",
}
METHOD = {"op": "create-file", "file": "services/rows/src/rpc/shop.ts", "content": "export {};\n"}
SCOPE = ("apps/shop", "services/rows")


def proposal(*patches: dict[str, Any], reason: str = "moved") -> dict[str, Any]:
    return {"reason": reason, "patches": list(patches)}


def ask(provider: Any, **more: Any) -> PatchBatch:
    return propose_batch(provider, "d1_to_rpc", LEFT, **{"allowed": SCOPE, **more})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "monorepo"
    (root / "apps/shop").mkdir(parents=True)
    (root / "apps/shop/a.ts").write_bytes(WORKER.encode())
    return Workspace(root)


def test_a_proposal_becomes_a_batch_in_our_name_and_within_our_paths(
    model: ModelServer, provider: MakeProvider
) -> None:
    model.says(completion(proposal(SWAP, METHOD)))

    batch = ask(provider(), requester="migration", order_id="42", phase="refactor")

    assert (batch.requester, batch.order_id, batch.phase, batch.reason) == ("migration", "42", "refactor", "moved")
    assert batch.allowed_paths == ["apps/shop", "services/rows"]
    assert [patch.op for patch in batch.patches] == ["replace-block", "create-file"]
    assert "    2|   db.q(`x`);" in model.got[0].said


def test_what_was_proposed_is_applied_by_the_patching_engine(
    model: ModelServer, provider: MakeProvider, workspace: Workspace, sqlite_store: Engine, now: datetime
) -> None:
    model.says(completion(proposal(SWAP, METHOD)))

    apply_batch(workspace, ask(provider()), custody=StoreCustody(sqlite_store), now=now)

    assert (workspace.root / "apps/shop/a.ts").read_text() == "const a = 1;\n  await env.ROWS.x();\n"
    assert (workspace.root / "services/rows/src/rpc/shop.ts").read_text() == "export {};\n"


def test_the_conflicts_of_a_dry_run_are_told_to_the_model_which_corrects_itself(
    model: ModelServer, provider: MakeProvider, workspace: Workspace, sqlite_store: Engine, now: datetime
) -> None:
    model.says(completion(proposal(SWAP | {"start": 1, "end": 1})), completion(proposal(SWAP)))

    def dry_run(batch: PatchBatch) -> Sequence[str]:
        try:
            apply_batch(workspace, batch, custody=StoreCustody(sqlite_store), now=now, dry_run=True)
        except (InvalidPatch, PatchConflict) as error:
            return [str(error)]
        return []

    batch = ask(provider(), judge=dry_run)

    assert batch.patches[0].start == 2  # type: ignore[union-attr]
    assert "but the file has 'const a = 1;'" in model.got[1].said
    assert (workspace.root / "apps/shop/a.ts").read_text() == WORKER


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        (SWAP | {"file": "apps/shopping/a.ts"}, "outside what may be changed: apps/shop, services/rows"),
        (SWAP | {"file": "package.json"}, "outside what may be changed"),
        (SWAP | {"file": "apps/shop/../../etc/passwd"}, "not a plain path"),
        (SWAP | {"file": "/etc/passwd"}, "not a plain path"),
        (SWAP | {"file": "./apps/shop/a.ts"}, "not a plain path"),
        (SWAP | {"block": 'const key = "[REDACTED:secret]";'}, "stands for a secret"),
        (SWAP | {"start": 3}, "start 3 is after end 2"),
        (SWAP | {"start": 0}, "greater than 0"),
        ({key: value for key, value in SWAP.items() if key != "expect"}, "expect: Field required"),
        (SWAP | {"blockFile": "/etc/passwd"}, "blockFile: Extra inputs are not permitted"),
        ({"op": "apply-diff", "diff": "--- a"}, "does not match any of the expected tags"),
        ({"op": "move-file", "file": "apps/shop/a.ts", "to": "etc"}, "does not match any of the expected tags"),
    ],
)
def test_an_operation_that_a_model_may_not_propose_is_refused_with_the_reason(
    model: ModelServer, provider: MakeProvider, patch: dict[str, Any], told: str
) -> None:
    model.says(completion(proposal(SWAP, patch)))

    with pytest.raises(AnswerInvalid) as caught:
        ask(provider())

    assert any(problem.startswith("patches.1") and told in problem for problem in caught.value.problems)
    assert told in model.got[1].said


@pytest.mark.parametrize("field", ["orderId", "requester", "phase", "allowedPaths", "check", "dryRun", "branch"])
def test_what_is_ours_to_decide_is_refused_from_a_model(model: ModelServer, provider: MakeProvider, field: str) -> None:
    model.says(completion(proposal(SWAP) | {field: None}))

    with pytest.raises(AnswerInvalid, match=f"{field}: Extra inputs are not permitted"):
        ask(provider())


def test_a_model_that_cannot_do_it_says_so(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion(proposal(reason="The column's name comes from a user.")))

    with pytest.raises(NothingProposed, match="comes from a user"):
        ask(provider())

    assert len(model.got) == 1


def test_the_whole_workspace_may_be_allowed(model: ModelServer, provider: MakeProvider) -> None:
    model.says(completion(proposal(SWAP | {"file": "anywhere.ts"})))

    assert ask(provider(), allowed=["."]).allowed_paths == ["**"]


@pytest.mark.parametrize("name", ["apps/*", "/etc", "../x", "apps/", "a//b", ""])
def test_a_scope_is_named_without_wildcards_or_detours(model: ModelServer, provider: MakeProvider, name: str) -> None:
    with pytest.raises(ValueError, match="relative to the workspace"):
        ask(provider(), allowed=[name])

    assert model.got == []


text = st.text(st.characters(codec="utf-8"))
some = st.text(st.characters(codec="utf-8"), min_size=1)
line = st.integers(1, 10**6)
expect = st.fixed_dictionaries({"text": text})
operations = st.one_of(
    st.fixed_dictionaries(
        {"op": st.just("replace-block"), "file": some, "start": line, "end": line, "expect": expect, "block": text}
    ).filter(lambda one: one["start"] <= one["end"]),
    st.fixed_dictionaries(
        {"op": st.sampled_from(["insert-before", "insert-after"]), "file": some, "line": line, "expect": expect}
        | {"block": some}
    ),
    st.fixed_dictionaries({"op": st.just("replace-text"), "file": some, "old": some, "new": text, "count": line}),
    st.fixed_dictionaries({"op": st.just("create-file"), "file": some, "content": text}),
    st.fixed_dictionaries({"op": st.just("delete-file"), "file": some}),
)


@given(st.lists(operations, min_size=1, max_size=4))
def test_whatever_is_a_valid_proposal_is_a_valid_batch_of_the_same_operations(patches: list[dict[str, Any]]) -> None:
    proposed = ProposedBatch.model_validate_json(json.dumps(proposal(*patches)))

    batch = PatchBatch.model_validate({"patches": [one.model_dump(by_alias=True) for one in proposed.patches]})

    for mine, theirs in zip(batch.patches, proposed.patches, strict=True):
        written = theirs.model_dump(by_alias=True)
        kept = mine.model_dump(by_alias=True, exclude_none=True)
        assert {name: kept[name] for name in written} == written
