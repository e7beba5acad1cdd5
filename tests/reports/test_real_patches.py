"""A report of patches that the patching engine really applied, failed and took back."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch, record_validation, revert
from repo_agent_dagster.reports.final_diffs import NOT_IN_EFFECT
from repo_agent_dagster.reports.generate import generate
from repo_agent_dagster.store.patch_events import StoreCustody


def _batch(file: str, block: str, **fields: str) -> PatchBatch:
    patch = {"op": "replace-block", "file": file, "start": 2, "end": 2, "block": block}
    return PatchBatch.model_validate(
        {"orderId": "42", "requester": "agent-a", "reason": "Round half up.", "patches": [patch], **fields}
    )


def test_a_report_tells_what_patching_did(store: Engine, tmp_path: Path, now: datetime) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    for name in ("a.py", "b.py"):
        (root / name).write_text("first\nsecond\nthird\n")
    workspace, custody = Workspace(root), StoreCustody(store)
    kept = apply_batch(workspace, _batch("a.py", "new\nlines", phase="implement"), custody=custody, now=now)
    record_validation(kept, custody=custody, ok=True, now=now + timedelta(seconds=5))
    undone = apply_batch(workspace, _batch("b.py", "wrong"), custody=custody, now=now + timedelta(minutes=1))
    revert(workspace, undone.batch_id, custody=custody, now=now + timedelta(minutes=2))

    made = generate(store, "42", reports_dir=tmp_path / "reports", now=now + timedelta(hours=1))

    report = made.report
    assert [(f.path, f.added, f.removed, f.last_event.value) for f in report.files] == [
        ("a.py", 2, 1, "patch_validated"),
        ("b.py", 0, 0, "patch_reverted"),
    ]
    assert (report.totals.ok, report.totals.unchecked, report.totals.reverted) == (1, 1, 1)
    assert report.request.reasons == ["Round half up."]
    assert [(chain.workspace, chain.intact) for chain in report.custody] == [(workspace.name, True)]
    changed, undone_file = report.files
    assert (changed.final_diff or "").splitlines()[-5:] == [" first", "-second", "+new", "+lines", " third"]
    assert (undone_file.final_diff, undone_file.diff_note) == (None, NOT_IN_EFFECT)
