"""The demo's steps: submit, wait, and check that each did what it should. It sees only the store, as any user does."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from repo_agent_dagster.cli.demo_inputs import UNIT, DemoInputs, drop_unit
from repo_agent_dagster.cli.progress import StepBoard
from repo_agent_dagster.cli.services import DagsterServices
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchEventName
from repo_agent_dagster.contracts.tasks import OpsScanPayload, Pathway, SolutionValidationPayload, TaskStatus
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import container_logs, delivery_reports, ops_issues, patch_events, task_requests
from repo_agent_dagster.store.engine import open_store, read_transaction, write_transaction
from repo_agent_dagster.store.task_requests import TaskRequest

if TYPE_CHECKING:
    from repo_agent_dagster.contracts.base import Contract

Tell = Callable[[str], None]
POLL_SECONDS = 0.5
SENSOR_TIMEOUT_SECONDS = 180.0
TASK_TIMEOUT_SECONDS = 600.0

SEE = "STAGING sensor sees the settled unit"
MIGRATE = "staging_migration: copy, re-base imports, tsc --noEmit"
EVENTS = "patch events in custody"
VALIDATE = "solution_validation: before fails, after passes"
SCAN = "log ingestion, ops scan, patch trends"
DELIVER = "delivery report"


class StepFailed(PermanentFault):
    """A step of the demo did not do what it should."""


@dataclass(frozen=True)
class Row:
    """One line of the closing table."""

    what: str
    result: str
    ok: bool
    seconds: float | None = None
    run_id: str | None = None
    path: Path | None = None


class DemoLoop:
    """Drop the unit, follow the tasks, read the results."""

    TITLES: ClassVar = (SEE, MIGRATE, EVENTS, VALIDATE, SCAN, DELIVER)

    def __init__(self, settings: Settings, inputs: DemoInputs, board: StepBoard, services: DagsterServices) -> None:
        self._settings = settings
        self._inputs = inputs
        self._board = board
        self._services = services
        self._engine = open_store(settings.store_url)

    def run(self) -> list[Row]:
        """Run every step; returns the closing table's rows.

        Raises:
            StepFailed: a task failed or nothing happened in time.
        """
        try:
            return [self._migration(), self._events(), self._validation(), self._scan(), self._report()]
        finally:
            self._engine.dispose()

    def _migration(self) -> Row:
        with self._board.step(SEE) as tell:
            drop_unit(self._settings, self._inputs)
            tell(f"dropped {UNIT} into {self._settings.staging}")
            task = self._wait(self._migration_task, "the STAGING sensor's task request", SENSOR_TIMEOUT_SECONDS)
            tell(f"task request {task.id}")
        with self._board.step(MIGRATE) as tell:
            done = self._follow(task.id, tell)
            result = done.result or {}
            check = result["check"]
            tool = " ".join(check["command"].split()[:2])
            errors = "no errors" if check["ok"] else f"{len(check['findings'])} error(s)"
            text = f"{result['files']} files, {result['rewrites']} imports re-based, {tool}: {errors}"
            tell(text)
        return Row(
            f"migration of {UNIT}",
            text,
            ok=check["outcome"] == "passed",
            seconds=_took(done),
            run_id=done.dagster_run_id,
        )

    def _migration_task(self) -> TaskRequest | None:
        with read_transaction(self._engine) as conn:
            tasks = task_requests.listing(
                conn, pathway=Pathway.STAGING_MIGRATION, order_id=self._inputs.order_id, limit=1
            )
        return tasks[0] if tasks else None

    def _events(self) -> Row:
        with self._board.step(EVENTS) as tell:
            with read_transaction(self._engine) as conn:
                events = patch_events.listing(conn, order_id=self._inputs.order_id, limit=100_000)
            counts = {name: sum(e.event == name for e in events) for name in PatchEventName}
            requested, validated = counts[PatchEventName.PATCH_REQUESTED], counts[PatchEventName.PATCH_VALIDATED]
            text = f"{requested} requested, {counts[PatchEventName.PATCH_APPLIED]} applied, {validated} validated"
            tell(text)
        return Row("patches", text, ok=0 < requested == validated)

    def _validation(self) -> Row:
        payload = SolutionValidationPayload(
            repo_url=self._inputs.repo_url, diff=self._inputs.fix, order_id=self._inputs.order_id
        )
        with self._board.step(VALIDATE) as tell:
            task_id = self._submit(
                Pathway.SOLUTION_VALIDATION, payload, prompt="Prove that the proposed fix repairs the invoice totals"
            )
            done = self._follow(task_id, tell)
            result = done.result or {}
            before, after = result["before"], result["after"]
            text = (
                f"{result['verdict']}: {before['failed']} of {before['total']} tests failed before, "
                f"{after['failed']} of {after['total']} after"
            )
            tell(text)
        ok = result["verdict"] == "fixed" and before["failed"] > 0 and after["failed"] == 0
        return Row("validation of the fix", text, ok=ok, seconds=_took(done), run_id=done.dagster_run_id)

    def _scan(self) -> Row:
        payload = OpsScanPayload(day=self._inputs.log_day)
        with self._board.step(SCAN) as tell:
            task_id = self._submit(Pathway.OPS_SCAN, payload, prompt="Scan last night's logs")
            done = self._follow(task_id, tell)
            with read_transaction(self._engine) as conn:
                issues = ops_issues.listing(conn, status="open")
            worst = min((issue.severity for issue in issues), default=None)
            text = f"{len(issues)} open issue(s), the worst of severity {worst}" if issues else "no issue found"
            tell(text)
        return Row(
            f"ops scan of {self._inputs.log_day}",
            text,
            ok=bool(issues),
            seconds=_took(done),
            run_id=done.dagster_run_id,
        )

    def _report(self) -> Row:
        with self._board.step(DELIVER) as tell:
            with read_transaction(self._engine) as conn:
                report = delivery_reports.current(conn, self._inputs.order_id)
            page = Path(report.html_path) if report and report.html_path else None
            if report is None or page is None or not page.is_file():
                raise StepFailed(f"there is no HTML delivery report of order {self._inputs.order_id}")
            text = f"version {report.version}, {report.total_patches} patches"
            tell(text)
        return Row(f"delivery report of {self._inputs.order_id}", text, ok=report.total_patches > 0, path=page)

    def _submit(self, pathway: Pathway, payload: "Contract", *, prompt: str) -> str:
        with write_transaction(self._engine) as conn:
            return task_requests.submit(conn, pathway, payload, now=datetime.now(UTC), initial_prompt=prompt).id

    def _follow(self, task_id: str, tell: Tell) -> TaskRequest:
        def ended() -> TaskRequest | None:
            with read_transaction(self._engine) as conn:
                task = task_requests.get(conn, task_id)
                last = container_logs.last_line(conn, task_id)
            if task is None:
                raise StepFailed(f"task request {task_id} vanished")
            tell(f"{task.status.value}{f': {last}' if last else ''}")
            return None if task.is_open else task

        done = self._wait(ended, f"task {task_id}", TASK_TIMEOUT_SECONDS)
        if done.status is not TaskStatus.SUCCESS:
            raise StepFailed(f"{done.pathway.value} task {task_id} ended as {done.status.value}: {done.error}")
        return done

    def _wait(self, look: Callable[[], TaskRequest | None], what: str, timeout_seconds: float) -> TaskRequest:
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            self._services.check_alive()
            found = look()
            if found is not None:
                return found
            time.sleep(POLL_SECONDS)
        raise StepFailed(
            f"{what} did not come within {timeout_seconds:.0f} s; Dagster's logs: {self._services.log_path('daemon')}"
        )


def _took(task: TaskRequest) -> float | None:
    return (task.ended_at - task.started_at).total_seconds() if task.started_at and task.ended_at else None
