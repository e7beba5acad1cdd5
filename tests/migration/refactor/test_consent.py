"""Databases that each Durable Object had for itself are not made one without being asked for."""

from repo_agent_dagster.contracts.migration import D1ToRpc
from repo_agent_dagster.migration.refactor import refactor_d1_to_rpc
from tests.migration.golden.cases import Case

SPEC = D1ToRpc(orchestrator="packages/orchestrator", binding="PLATFORM")


def test_durable_objects_are_left_as_manual_work_with_the_way_to_allow_it() -> None:
    files = {path: file.content for path, file in Case("durable-object-sql").migrated.items()}

    made = refactor_d1_to_rpc(files, files, unit="rooms", destination="apps/rooms", spec=SPEC)

    assert made.is_empty
    assert made.generated == ()
    assert {one.outcome for one in made.statements} == {"manual"}
    assert made.manual
    assert all("shared_objects: true" in work.reason for work in made.manual)


def test_a_worker_without_durable_objects_needs_no_consent() -> None:
    files = {path: file.content for path, file in Case("d1-prepared").migrated.items()}

    made = refactor_d1_to_rpc(files, files, unit="orders", destination="apps/orders", spec=SPEC)

    assert not made.is_empty
    assert made == refactor_d1_to_rpc(
        files,
        files,
        unit="orders",
        destination="apps/orders",
        spec=SPEC.model_copy(update={"shared_objects": True}),
    )
