"""A goal run's store: guarded steps of the run and its tasks, counted attempts, and records in their order."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.goals import GoalRole, GoalRunStatus, GoalTaskStatus, Verdict
from repo_agent_dagster.store import approvals, goal_records, goal_runs, goal_tasks
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.goal_runs import GoalAgent, GoalRun
from repo_agent_dagster.store.goal_tasks import ALLOWED_FROM, GoalTask, GoalTaskStateError

S = GoalTaskStatus


@pytest.fixture
def run(store: Engine, now: datetime) -> GoalRun:
    """A running goal run."""
    with write_transaction(store) as conn:
        return goal_runs.create(conn, "make the tests pass", "/srv/repo", now=now)


@pytest.fixture
def goal_task(store: Engine, run: GoalRun, now: datetime) -> GoalTask:
    """A pending task of the run."""
    with write_transaction(store) as conn:
        return goal_tasks.create(
            conn,
            "Fix a",
            "a() returns 1",
            now=now,
            run_id=run.id,
            acceptance_criteria=["test_a passes"],
            verification_steps=["pytest -q"],
            allowed_paths=["src/**"],
        )


def test_a_run_is_stored_as_it_was_created(store: Engine, run: GoalRun) -> None:
    with read_transaction(store) as conn:
        assert goal_runs.get(conn, run.id) == run
        assert goal_runs.get(conn, "nobody") is None


def test_runs_are_listed_by_status_newest_first(store: Engine, run: GoalRun, now: datetime) -> None:
    with write_transaction(store) as conn:
        later = goal_runs.create(conn, "second", "/r", now=now + timedelta(1))
        goal_runs.change_status(conn, run.id, GoalRunStatus.WAITING, now=now)
        assert [found.id for found in goal_runs.listing(conn)] == [later.id, run.id]
        assert [found.id for found in goal_runs.listing(conn, status=GoalRunStatus.WAITING)] == [run.id]


def test_cycles_and_replans_are_counted(store: Engine, run: GoalRun, goal_task: GoalTask, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with write_transaction(store) as conn:
        assert goal_runs.begin_cycle(conn, run.id, goal_task.id, now=now)
        assert goal_runs.begin_cycle(conn, run.id, goal_task.id, now=later)
        found = goal_runs.get(conn, run.id)
        assert found is not None
        assert (found.cycle_count, found.replan_count, found.current_task_id) == (2, 0, goal_task.id)
        assert found.updated_at == later

        assert goal_runs.count_replan(conn, run.id, now=later)
        found = goal_runs.get(conn, run.id)
        assert found is not None
        assert (found.cycle_count, found.replan_count, found.current_task_id) == (2, 1, None)


@pytest.mark.parametrize("end", [GoalRunStatus.SUCCESS, GoalRunStatus.FAILED, GoalRunStatus.CANCELLED])
def test_a_run_that_ended_changes_no_more(store: Engine, run: GoalRun, now: datetime, end: GoalRunStatus) -> None:
    with write_transaction(store) as conn:
        assert goal_runs.change_status(conn, run.id, GoalRunStatus.WAITING, now=now)
        assert goal_runs.change_status(conn, run.id, end, now=now, summary="three tasks")
        ended = goal_runs.get(conn, run.id)

        assert not goal_runs.change_status(conn, run.id, GoalRunStatus.RUNNING, now=now, summary="again")
        assert not goal_runs.begin_cycle(conn, run.id, "t", now=now)
        assert not goal_runs.count_replan(conn, run.id, now=now)

        assert goal_runs.get(conn, run.id) == ended
    assert ended is not None
    assert (ended.status, ended.summary) == (end, "three tasks")


def test_a_role_has_one_agent_whose_last_state_counts(store: Engine, run: GoalRun, now: datetime) -> None:
    first = GoalAgent(run.id, GoalRole.STRATEGY, now, session_id="s1", turns=1)
    second = GoalAgent(run.id, GoalRole.STRATEGY, now + timedelta(1), session_id="s2", turns=4, rotation_count=1)
    checker = GoalAgent(run.id, GoalRole.CHECKER, now, last_prompt_path="p", last_response_path="r")
    with write_transaction(store) as conn:
        for agent in (first, checker, second):
            goal_runs.put_agent(conn, agent)
        assert goal_runs.agents_of(conn, run.id) == [checker, second]


def test_tasks_of_a_run_come_in_their_order(store: Engine, run: GoalRun, goal_task: GoalTask, now: datetime) -> None:
    with write_transaction(store) as conn:
        second = goal_tasks.create(conn, "Fix b", "b", now=now + timedelta(seconds=1), run_id=run.id)
        goal_tasks.change_status(conn, goal_task.id, S.IN_PROGRESS, now=now)
        in_progress = goal_tasks.get(conn, goal_task.id)
        assert goal_tasks.of_run(conn, run.id) == [in_progress, second]
        assert goal_tasks.of_run(conn, run.id, status=S.PENDING) == [second]


@pytest.mark.parametrize("start", list(S))
@pytest.mark.parametrize("end", list(S))
def test_a_task_takes_only_the_steps_that_are_allowed(
    sqlite_store: Engine, now: datetime, start: GoalTaskStatus, end: GoalTaskStatus
) -> None:
    ways = {S.PENDING: [], S.IN_PROGRESS: [S.IN_PROGRESS], S.ABANDONED: [S.ABANDONED]}
    way = ways.get(start, [S.IN_PROGRESS, start])
    with write_transaction(sqlite_store) as conn:
        task = goal_tasks.create(conn, "t", "o", now=now)
        for step in way:
            assert goal_tasks.change_status(conn, task.id, step, now=now)

        allowed = goal_tasks.change_status(conn, task.id, end, now=now)

        found = goal_tasks.get(conn, task.id)
    assert allowed == (start in ALLOWED_FROM[end])
    assert found is not None
    assert found.status is (end if allowed else start)


def test_a_step_may_say_what_was_done_and_what_blocks(store: Engine, goal_task: GoalTask, now: datetime) -> None:
    with write_transaction(store) as conn:
        goal_tasks.change_status(conn, goal_task.id, S.IN_PROGRESS, now=now)
        goal_tasks.change_status(
            conn, goal_task.id, S.BLOCKED, now=now, implementation_summary="half", blocker_signature="TS2307"
        )
        found = goal_tasks.get(conn, goal_task.id)
    assert found is not None
    assert (found.implementation_summary, found.blocker_signature) == ("half", "TS2307")


def test_a_remediation_task_is_adopted_by_one_run(store: Engine, run: GoalRun, now: datetime) -> None:
    with write_transaction(store) as conn:
        task = goal_tasks.create(conn, "Repair the unit", "tsc passes", now=now)
        other = goal_runs.create(conn, "other", "/r", now=now)
        assert goal_tasks.unadopted(conn) == [task]

        assert goal_tasks.adopt(conn, task.id, run.id, now=now)
        assert not goal_tasks.adopt(conn, task.id, other.id, now=now)

        assert goal_tasks.unadopted(conn) == []
        assert [found.id for found in goal_tasks.of_run(conn, run.id)] == [task.id]


def test_attempts_are_numbered_and_counted(store: Engine, goal_task: GoalTask, now: datetime) -> None:
    with write_transaction(store) as conn:
        goal_tasks.change_status(conn, goal_task.id, S.IN_PROGRESS, now=now)
        first = goal_tasks.add_attempt(
            conn, goal_task.id, "failed", now=now, summary="no", blocker_signature="x", result={"tests": 1}
        )
        second = goal_tasks.add_attempt(conn, goal_task.id, "passed", now=now)
        found = goal_tasks.get(conn, goal_task.id)
        assert goal_tasks.attempts(conn, goal_task.id) == [first, second]
    assert [first.attempt_number, second.attempt_number] == [1, 2]
    assert found is not None
    assert found.attempt_count == 2


def test_an_attempt_needs_a_task_in_progress(store: Engine, goal_task: GoalTask, now: datetime) -> None:
    with write_transaction(store) as conn:
        with pytest.raises(GoalTaskStateError, match="is not in progress in a goal run"):
            goal_tasks.add_attempt(conn, goal_task.id, "failed", now=now)
        assert goal_tasks.attempts(conn, goal_task.id) == []


def test_events_are_read_by_cursor_in_their_order(store: Engine, run: GoalRun, now: datetime) -> None:
    with write_transaction(store) as conn:
        first = goal_records.add_event(conn, run.id, "strategy", "planned", ts=now, payload={"tasks": 2})
        second = goal_records.add_event(conn, run.id, "checker", "refused", ts=now, message="no test")
        found = goal_records.events_of(conn, run.id)
        assert [event.id for event in found] == [first, second]
        assert (found[0].payload, found[0].message, found[1].payload) == ({"tasks": 2}, "", None)
        assert goal_records.events_of(conn, run.id, after_id=first) == found[1:]
        assert goal_records.events_of(conn, run.id, limit=1) == found[:1]


def test_artifacts_checkpoints_and_approvals_come_back_as_they_were(store: Engine, run: GoalRun, now: datetime) -> None:
    with write_transaction(store) as conn:
        plan = goal_records.add_artifact(conn, run.id, GoalRole.STRATEGY, "plan", "a/plan.md", now=now)
        diff = goal_records.add_artifact(
            conn, run.id, GoalRole.IMPLEMENTATION, "diff", "a/1.diff", now=now, metadata={"lines": 3}
        )
        assert goal_records.artifacts_of(conn, run.id) == [plan, diff]
        assert goal_records.artifacts_of(conn, run.id, kind="diff") == [diff]

        assert goal_records.latest_checkpoint(conn, run.id) is None
        goal_records.add_checkpoint(conn, run.id, "planned", {"step": 1}, now=now)
        latest = goal_records.add_checkpoint(conn, run.id, "checked", {"step": 2}, now=now + timedelta(seconds=1))
        assert goal_records.latest_checkpoint(conn, run.id) == latest

        of_run = approvals.record(conn, "checker", Verdict.REJECTED, now=now, run_id=run.id, rationale="no")
        of_gate = approvals.record(conn, "cli", Verdict.APPROVED, now=now, payload={"unit": "storefront"})
        assert approvals.listing(conn) == [of_run, of_gate]
        assert approvals.listing(conn, run_id=run.id) == [of_run]
        assert approvals.listing(conn, source="cli") == [of_gate]
