"""What the nightly job removes of what registered workspaces keep."""

from datetime import datetime
from pathlib import Path

from repo_agent_dagster.contracts.patches import PatchBatch
from repo_agent_dagster.patching import Workspace, apply_batch
from repo_agent_dagster.store import workspaces
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.wiring.deployment import Deployment


def kept(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in (root / ".mission_control" / "objects").rglob("*") if path.is_file()]


def test_registered_workspaces_keep_no_more_than_their_share(
    deployment: Deployment, now: datetime, tmp_path: Path
) -> None:
    roots = [tmp_path / name for name in ("one", "two", "gone")]
    for root in roots:
        root.mkdir()
        (root / "f").write_bytes(b"x" * 1000)
        batch = PatchBatch(patches=[{"op": "append", "file": "f", "block": "y"}])
        apply_batch(Workspace(root), batch, custody=StoreCustody(deployment.engine), now=now)
    with write_transaction(deployment.engine) as conn:
        for root in (roots[0], roots[2]):
            workspaces.register(conn, root, now=now)
    roots[2].rename(tmp_path / "elsewhere")
    result = deployment.defs.get_job_def("prune_workspaces").execute_in_process(
        instance=deployment.instance, run_config={"ops": {"prune_kept_contents": {"config": {"keep_mb": 0}}}}
    )
    assert result.output_for_node("prune_kept_contents") == 1000
    assert (kept(roots[0]), kept(roots[1])) == ([], [b"x" * 1000])
