"""Put what the steps found into the task's result. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from repo_agent_dagster.contracts.suites import LISTED_TESTS, SetupSummary
from repo_agent_dagster.contracts.tasks import SolutionValidationPayload
from repo_agent_dagster.contracts.validation import (
    ChangedCoverage,
    PatchSummary,
    SolutionValidationResult,
    TestChanges,
    ValidationVerdict,
)
from repo_agent_dagster.pathways.setup.opening import Checkout, Environment
from repo_agent_dagster.pathways.suites.testrun import TestRun
from repo_agent_dagster.pathways.validation.comparing import Comparison
from repo_agent_dagster.pathways.validation.verdict import Judgement, Runs, judge

_LISTS = (
    "fail_to_pass", "pass_to_fail", "fail_to_fail", "pass_to_skip", "new", "new_failing", "gone", "flaky",
)  # fmt: skip


@dataclass(frozen=True)
class Findings:
    """What the steps gave; None for those that had nothing to do. `changed` are the changed lines by file."""

    checkout: Checkout
    environment: Environment
    before: TestRun | None = None
    patch: PatchSummary | None = None
    changed: Mapping[str, Sequence[int]] = field(default_factory=dict)
    patched_setups: tuple[SetupSummary, ...] = ()
    tests_only: TestRun | None = None
    after: TestRun | None = None
    flaky: frozenset[str] = frozenset()


def conclusion(findings: Findings, payload: SolutionValidationPayload) -> SolutionValidationResult:
    """Return the result, without durations and artifacts."""
    judgement = _judgement(findings, payload)
    environment = findings.environment
    return SolutionValidationResult(
        verdict=judgement.verdict,
        reasons=[_storable(reason) for reason in judgement.reasons],
        repo_url=findings.checkout.url,
        ref=payload.ref,
        commit=findings.checkout.commit,
        subfolder=payload.subfolder,
        durations={},
        command=environment.command.display if environment.command else None,
        setup=findings.patched_setups[-1] if findings.patched_setups else environment.setup,
        patch=findings.patch,
        before=findings.before.summary() if findings.before else None,
        tests_only=findings.tests_only.summary() if findings.tests_only else None,
        after=findings.after.summary() if findings.after else None,
        changes=_changes(judgement.comparison) if judgement.comparison else None,
        coverage=_coverage(findings),
    )


def _judgement(findings: Findings, payload: SolutionValidationPayload) -> Judgement:
    environment, before, patch, after = findings.environment, findings.before, findings.patch, findings.after
    if environment.command is None:
        note = environment.setup.note
        return Judgement(ValidationVerdict.NO_TESTS, (_ended(note[:1].upper() + note[1:]),))
    if not environment.setup.ok:
        why = f"The tests were never run: what they need could not be installed: {_ended(environment.setup.note)}"
        return Judgement(ValidationVerdict.SETUP_FAILED, (why,))
    if before is None or patch is None:
        raise ValueError("the repository was ready, so there must be what test_before and apply_fix returned")
    if not patch.applied:
        return Judgement(ValidationVerdict.DOES_NOT_APPLY, _why_it_does_not_apply(patch, before))
    if failed := next((setup for setup in findings.patched_setups if not setup.ok), None):
        why = f"With the patch, which changes dependencies, they could not be installed: {_ended(failed.note)}"
        return Judgement(ValidationVerdict.SETUP_FAILED, (why,))
    if after is None:
        raise ValueError("the patch was applied, so there must be what test_after returned")
    runs = Runs(before, findings.tests_only, after)
    judgement = judge(runs, must_pass=payload.must_pass, flaky=findings.flaky)
    return replace(judgement, reasons=(*judgement.reasons, *_remarks(patch)))


def _why_it_does_not_apply(patch: PatchSummary, before: TestRun) -> tuple[str, ...]:
    state = "did not end in time" if before.timed_out else f"had {len(before.failing)} failing"
    return (
        f"The patch does not apply to the commit ({str(patch.problem).replace('_', ' ')}): {_ended(patch.message)}",
        f"Without it, the tests {state}.",
        *(f"Of the patch's text: {note}." for note in patch.notes),
    )


def _remarks(patch: PatchSummary) -> list[str]:
    """Return what people should know of how the patch got into the tree."""
    told = []
    if patch.restored:
        told.append(
            f"Put back as the commit has them before the tests ran, for the patch may not change how it is judged: "
            f"{', '.join(patch.restored)}. Name them in test_files if the change belongs to the fix."
        )
    how = f"The patch was applied by {patch.way}: {patch.proof}"
    return [*told, f"{how}; {'; '.join(patch.notes)}." if patch.notes else f"{how}."]


def _changes(seen: Comparison) -> TestChanges:
    lists = {name: list(getattr(seen, name)) for name in _LISTS}
    return TestChanges(
        **{name: [_storable(test) for test in tests[:LISTED_TESTS]] for name, tests in lists.items()},
        pass_to_pass=len(seen.pass_to_pass),
        counts={name: len(tests) for name, tests in lists.items()},
    )


def _coverage(findings: Findings) -> list[ChangedCoverage] | None:
    """Return the coverage of the changed lines, of the files that the runner tells of."""
    told = findings.after.coverage if findings.after else None
    if told is None:
        return None
    root = findings.checkout.path.removeprefix(findings.checkout.root).strip("/")
    found = []
    for path, lines in sorted(dict(findings.changed).items()):
        hits = told.get(path.removeprefix(f"{root}/") if root else path)
        if hits is None:
            continue
        known = [line for line in lines if line in hits]
        found.append(
            ChangedCoverage(
                path=path,
                covered=[line for line in known if hits[line]],
                uncovered=[line for line in known if not hits[line]],
            )
        )
    return found


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or "\n" in text else f"{text}."


def _storable(text: str) -> str:
    # PostgreSQL's JSONB has no NUL character, and test names and messages are whatever a repository prints.
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
