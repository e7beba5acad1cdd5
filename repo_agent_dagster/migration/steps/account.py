"""The account of one migration: its row in the store, the steps that began and how they ended, the batches written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Literal, Unpack

from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.store import staging_migrations
from repo_agent_dagster.store.engine import read_transaction, write_transaction
from repo_agent_dagster.store.staging_migrations import Given, StagingMigration, StagingStatus

StepName = Literal[
    "inventory", "plan", "diff", "approval", "copy", "standards", "refactor", "validate", "report", "notify"
]
STEPS: tuple[StepName, ...] = (
    "inventory", "plan", "diff", "approval", "copy", "standards", "refactor", "validate", "report", "notify",
)  # fmt: skip
_DETAIL_LIMIT = 2000


class StepNote:
    """What a step says of itself while it runs; the last word stands."""

    def __init__(self) -> None:
        self.detail = ""
        self.skipped = False

    def say(self, detail: str, *, skipped: bool = False) -> None:
        """Tell in one line what the step did, or why it had nothing to do."""
        self.detail, self.skipped = detail, skipped


class Account:
    """One unit's content on its way into one target root."""

    def __init__(self, environment: Environment, row_id: str) -> None:
        self._environment, self._id = environment, row_id

    @classmethod
    def open(
        cls, environment: Environment, unit: str, source_digest: str, target_root: Path, *, task_id: str | None = None
    ) -> "Account":
        """Return the account of a unit's content; it is opened where there is none yet."""
        now = environment.now()
        with write_transaction(environment.engine) as conn:
            row = staging_migrations.upsert_seen(conn, unit, source_digest, str(target_root.resolve()), now=now)
            if task_id is not None:
                staging_migrations.note(conn, row.id, now=now, task_request_id=task_id)
        return cls(environment, row.id)

    @property
    def row(self) -> StagingMigration:
        """The row as it is now."""
        with read_transaction(self._environment.engine) as conn:
            found = staging_migrations.get(conn, self._id)
        if found is None:
            raise staging_migrations.StagingStateError("the migration's row was deleted while it ran; run it again")
        return found

    @contextmanager
    def step(self, name: StepName) -> Iterator[StepNote]:
        """Keep account of a step: that it began, and how it ended, whatever ends it."""
        note, began = StepNote(), monotonic()
        self._put(name, "running", None, "")
        try:
            yield note
        except BaseException as error:
            self._put(name, "failed", monotonic() - began, str(error) or type(error).__name__)
            raise
        self._put(name, "skipped" if note.skipped else "done", monotonic() - began, note.detail)

    def begin(self) -> None:
        """Forget the steps of an earlier attempt."""
        self.note(steps=[])

    def move(self, status: StagingStatus, *, error: str | None = None, **given: Unpack[Given]) -> bool:
        """Put the migration into a status; False, with nothing changed, if its present one does not allow it."""
        with write_transaction(self._environment.engine) as conn:
            now = self._environment.now()
            return staging_migrations.set_status(conn, self._id, status, now=now, error=error, **given)

    def note(self, **given: Unpack[Given]) -> None:
        """Store what is given, whatever the status."""
        with write_transaction(self._environment.engine) as conn:
            staging_migrations.note(conn, self._id, now=self._environment.now(), **given)

    def add_batch(self, batch_id: str) -> None:
        """Put a batch on account before it is written: who is killed while it is written can still be taken back."""
        self.note(batches=[*(self.row.batches or ()), batch_id])

    def _put(self, name: StepName, status: str, seconds: float | None, detail: str) -> None:
        others = [step for step in self.row.steps or () if step["step"] != name]
        began = next((step["at"] for step in self.row.steps or () if step["step"] == name), None)
        at = self._environment.now().isoformat() if began is None or status == "running" else began
        entry = {
            "step": name,
            "status": status,
            "at": at,
            "seconds": None if seconds is None else round(seconds, 3),
            "detail": detail[:_DETAIL_LIMIT],
        }
        self.note(steps=[*others, entry])
        self._environment.on_step(entry)
