"""One migration from the first look at the unit to its report: every step on account, nothing half done.

Faces run all steps in a row (`run`); the Dagster job runs each as an op. A step that fails takes back all that was
written, unless the manifest says ``on_failure: keep``, and leaves a remediation task.
"""

import posixpath
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.checks.report import CheckReport
from repo_agent_dagster.migration.faults import CheckRefused, SpecifiersUnread, StandardsBroken
from repo_agent_dagster.migration.manifest.reading import load_manifest
from repo_agent_dagster.migration.merging.conflicts import clear_conflicts
from repo_agent_dagster.migration.planning.bringing import chosen_rules
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.model import Plan, StageName
from repo_agent_dagster.migration.planning.plan import plan as make_plan
from repo_agent_dagster.migration.rewriting.specifiers import LazyReader
from repo_agent_dagster.migration.steps.account import Account, StepName, StepNote
from repo_agent_dagster.migration.steps.environment import Environment
from repo_agent_dagster.migration.steps.execution import refuse_conflicts, write_stage
from repo_agent_dagster.migration.steps.failing import see_to_failure
from repo_agent_dagster.migration.steps.gate import pass_gate
from repo_agent_dagster.migration.steps.manual_work import do_manual_work
from repo_agent_dagster.migration.steps.outcome import Outcome
from repo_agent_dagster.migration.steps.readiness import refuse_unready
from repo_agent_dagster.migration.steps.remediation import settle_remediation
from repo_agent_dagster.migration.units.contents import UnitContents, read_unit
from repo_agent_dagster.patching import Checker, record_validation
from repo_agent_dagster.store.approvals import Approval
from repo_agent_dagster.store.staging_migrations import StagingMigration, StagingStatus

if TYPE_CHECKING:
    from repo_agent_dagster.migration.inventory import UnitInventory
    from repo_agent_dagster.migration.standards import StandardsReport


@dataclass(frozen=True)
class Migration:
    """One unit on its way into one target root; `contents` and `manifest` are read once, so all steps see the same.

    `earlier` is the unit's row as it was before this run.
    """

    unit_path: Path
    target_root: Path
    manifest: Manifest
    environment: Environment
    account: Account
    contents: UnitContents
    earlier: StagingMigration
    staging_dir: Path | None = None
    task_id: str | None = None

    @property
    def finished(self) -> tuple[str, ...]:
        """The batches of a run that came to its end before this one: they are on its report."""
        reported = (self.earlier.report or {}).get("batches", ())
        return tuple(batch_id for batch_id in self.earlier.batches or () if batch_id in reported)

    @classmethod
    def open(
        cls,
        unit_path: Path,
        target_root: Path,
        environment: Environment,
        *,
        manifest: Manifest | None = None,
        staging_dir: Path | None = None,
        task_id: str | None = None,
        source_digest: str | None = None,
    ) -> "Migration":
        """Read the unit and its manifest, and open the account of this content.

        `source_digest` is the digest that the unit was submitted with; by default that of its files as they are now.

        Raises:
            ManifestError, UnitError, UnitChanging: the unit cannot be read.
        """
        manifest = manifest or load_manifest(unit_path, staging_dir)
        contents = read_unit(unit_path)
        account = Account.open(
            environment, manifest.unit, source_digest or contents.digest, target_root, task_id=task_id
        )
        return cls(unit_path, target_root, manifest, environment, account, contents, account.row, staging_dir, task_id)

    def run(self) -> Outcome:
        """Go through all steps.

        Raises:
            As the steps do; what was written is taken back by then, unless the manifest says otherwise.
        """
        try:
            return self._run()
        except Exception:
            raise
        except BaseException as error:  # Ctrl-C may come between two steps, where neither sees it
            see_to_failure(self, "report", error)
            raise

    def _run(self) -> Outcome:
        self.take_inventory()
        planned = self.make_plan()
        self.show_diff(planned)
        self.ask_approval(planned)
        self.copy(planned)
        standards = self.hold_to_standards(planned)
        self.refactor(planned)
        check = self.validate(planned)
        outcome = self.report(planned, check, standards)
        self.notify()
        return outcome

    @property
    def command(self) -> str:
        """What a person types to run the migration again."""
        return shlex.join(["migrate-staging", "run", str(self.unit_path), "--into", str(self.target_root)])

    def take_inventory(self) -> "UnitInventory":
        """Look at what the unit holds."""
        from repo_agent_dagster.migration.inventory import describe

        self.account.begin()
        with self._step("inventory") as note:
            inventory = describe(self.contents)
            note.say(f"{len(self.contents.files)} files")
        return inventory

    def make_plan(self) -> Plan:
        """Work out what would be done; conflicts stop the unit here, each with its side file."""
        with self._step("plan") as note:
            refuse_unready(self.environment, self.manifest, self.unit_path, self.target_root, self.staging_dir)
            planned, remark = self._planned()
            self.account.note(order_id=self.manifest.order_id, conflicts=len(planned.conflicts))
            if not planned.is_empty or self.account.row.plan is None:  # else what is on record tells more
                self.account.note(plan=planned.to_json(), summary=planned.summary())
            refuse_conflicts(planned)
            if not planned.is_empty:
                self.account.move(StagingStatus.PLANNED)
            note.say(", ".join(f"{count} {action}" for action, count in planned.counts().items() if count) + remark)
        return planned

    def show_diff(self, planned: Plan) -> str:
        """Return what would change as one diff."""
        with self._step("diff") as note:
            note.say(f"{len(planned.touching)} files differ", skipped=planned.is_empty)
            return planned.diff()

    def ask_approval(self, planned: Plan) -> Approval | None:
        """Let the plan through the gate, or stop before it."""
        with self._step("approval") as note:
            approval = None if planned.is_empty else pass_gate(self.environment, self.account, planned)
            if approval is None:
                note.say("none asked for", skipped=True)
            else:
                note.say(f"{approval.verdict} by {approval.decided_by}")
        return approval

    def copy(self, planned: Plan) -> None:
        """Write the copied, rewritten and merged files as one patch batch."""
        with self._step("copy") as note:
            self._write(planned, "copy", note)

    def hold_to_standards(self, planned: Plan) -> "StandardsReport":
        """Write the safe fixes, if the manifest wants them, and see how the unit does by the standards.

        Raises:
            StandardsBroken: it does worse than the manifest allows.
        """
        from repo_agent_dagster.migration.standards import check
        from repo_agent_dagster.migration.standards.tree import read_context

        with self._step("standards") as note:
            self._write(planned, "standards", note)
            files = Destination(self.target_root).files_under(self.manifest.destination)
            rules = chosen_rules(self.manifest, self.unit_path, self.target_root)
            report = check(files, rules, context=read_context(self.target_root, rules))
            self.account.note(standards_score=report.score)
            note.say(f"score {report.score:g}, {len(report.findings)} findings")
            if report.fails(self.manifest.standards.fail_on):
                raise StandardsBroken(
                    f"unit {self.manifest.unit}: {len(report.findings)} findings break the standards, "
                    f"and its manifest says fail_on: {self.manifest.standards.fail_on}",
                    report,
                )
        return report

    def refactor(self, planned: Plan) -> None:
        """Write the refactoring as a patch batch of its own; one that adds errors is taken back by its check.

        Raises:
            CheckFailed: it adds errors.
        """
        with self._step("refactor") as note:
            self._write(planned, "refactor", note)
            if not planned.is_empty:  # what was left by an earlier run was put to the model by that run
                told = do_manual_work(self, planned, self._checker())
                if told:
                    note.say(f"{note.detail}; {told}" if note.detail else told)

    def validate(self, planned: Plan) -> CheckReport | None:
        """Check the unit in a sandbox, as its manifest says; None where nothing is due.

        Raises:
            CheckRefused: the check found what was not there before, or could not be run to its end.
        """
        with self._step("validate") as note:
            if self.environment.open_box is None:
                note.say("not asked for", skipped=True)
                return None
            if planned.is_empty and self.account.row.status is StagingStatus.VALIDATED:
                note.say("this content is validated already", skipped=True)
                return None
            from repo_agent_dagster.migration.checks import validate

            with self.environment.open_box() as box:
                report = validate(
                    box,
                    self.target_root,
                    manifest=self.manifest,
                    moved=planned.moved,
                    unit_path=self.unit_path,
                    install=self.environment.install,
                    timeout_seconds=self.environment.validate_seconds,
                )
            note.say(report.message, skipped=not report.ran)
            if report.ran:
                self._record(report)
            self.account.note(summary={**(self.account.row.summary or {}), "check": report.outcome})
            if not report.ok:
                raise CheckRefused(report.message, report)
        return report

    def report(self, planned: Plan, check: CheckReport | None, standards: "StandardsReport | None" = None) -> Outcome:
        """Put on record how it ended."""
        with self._step("report"):
            clear_conflicts(self.target_root, self.manifest.unit)
            settle_remediation(self.environment, self.account)
            row = self.account.row
            is_validated = check is not None and check.ran
            is_repeated = planned.is_empty and row.status in {StagingStatus.APPLIED, StagingStatus.VALIDATED}
            outcome = Outcome(
                planned,
                "validated" if is_validated else "nothing_to_do" if planned.is_empty else "applied",
                tuple(row.batches or ()),
                check,
                standards,
                row.steps or (),
            )
            if is_validated:
                self.account.move(StagingStatus.VALIDATED, report=outcome.to_json())
            elif not is_repeated:
                self.account.move(StagingStatus.APPLIED, report=outcome.to_json())
        return outcome

    def notify(self) -> None:
        """Tell whoever is subscribed."""
        with self.account.step("notify") as note:
            if self.environment.notify is None:
                note.say("nobody is subscribed", skipped=True)
            else:
                note.say(self.environment.notify())

    @contextmanager
    def _step(self, name: StepName) -> Iterator[StepNote]:
        """Keep account of a step, and see to what a failure leaves behind."""
        try:
            with self.account.step(name) as note:
                yield note
        except BaseException as error:
            see_to_failure(self, name, error)
            raise

    def _planned(self) -> tuple[Plan, str]:
        """Return the plan, and what is to be said of how names were read."""
        planned = partial(
            make_plan,
            self.unit_path,
            self.target_root,
            self.manifest,
            bases=self.environment.bases,
            contents=self.contents,
        )
        if self.environment.reader is None:
            return planned(), ""
        try:
            return planned(reader=LazyReader(self.environment.reader)), ""
        except SpecifiersUnread as error:
            return planned(), f"; read by ast-grep, since {error}"

    def _write(self, planned: Plan, name: StageName, note: StepNote) -> None:
        stage = next((stage for stage in planned.stages if stage.name == name), None)
        if stage is None:
            note.say("nothing to write", skipped=True)
            return
        checker = self._checker() if name == "refactor" else None
        if name == planned.stages[0].name:
            self.environment.bases.keep(planned.bases)
        batch = write_stage(
            planned,
            stage,
            custody=self.environment.custody,
            now=self.environment.now(),
            task_id=self.task_id,
            checker=checker,
            announce=self.account.add_batch,
        )
        self.account.move(StagingStatus.APPLIED)
        note.say(f"batch {batch.batch_id}: {len(batch.patches)} files")

    def _checker(self) -> Checker | None:
        """Return the type check of the packages that a refactoring changes."""
        spec = self.manifest.refactor.d1_to_rpc
        if self.environment.checker is None or spec is None:
            return None
        folders = dict.fromkeys((self.manifest.destination, spec.orchestrator))
        projects = [posixpath.normpath(f"{folder}/tsconfig.json") for folder in folders]
        standing = Destination(self.target_root)
        projects = [project for project in projects if standing.holds_file(project)]
        return self.environment.checker(projects) if projects else None

    def _record(self, report: CheckReport) -> None:
        """Put the check on the record of every patch that is in force."""
        custody = self.environment.custody
        for batch_id in self.account.row.batches or ():
            patches = [patch.patch_id for patch in custody.batch(batch_id) if patch.is_in_force]
            if patches:
                error = None if report.ok else report.message
                record_validation(patches, custody=custody, ok=report.ok, now=self.environment.now(), error=error)
