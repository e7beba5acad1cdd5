"""Each rule of the library shows what it knows: its own examples hold, and decide; what looks alike it passes over."""

import time

import pytest

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.contracts.ops import CauseName
from repo_agent_dagster.ops.analysis.causes import cause_of
from repo_agent_dagster.ops.analysis.causes.contract import CauseRule, Sample
from repo_agent_dagster.ops.analysis.causes.matching import holds
from repo_agent_dagster.ops.analysis.causes.rulebook import rulebook
from repo_agent_dagster.ops.analysis.model import Failure
from tests.ops.failures import failure

RULES = [rule.spec for rule in rulebook()]


def _job(conclusion: str) -> BuildJob:
    return BuildJob(
        *("test", "org/web", "7", 1, "9", "CI", "test", "main", True, "c0ffee", "push"),
        *(conclusion, None, None, None, "7/9"),
    )


def _failure(sample: Sample) -> Failure:
    return failure(
        sample.text,
        kind=sample.kind,
        before=sample.before,
        exception=sample.exception,
        tool=sample.tool,
        command=sample.command,
        exit_code=sample.exit_code,
        meta={"outcome": sample.outcome} if sample.outcome else {},
        job=_job(sample.conclusion) if sample.conclusion else None,
        passed_on_retry=sample.passed_on_retry,
    )


def _examples(kind: str) -> list[object]:
    return [
        pytest.param(rule, sample, id=f"{rule.id}-{number}")
        for rule in RULES
        for number, sample in enumerate(getattr(rule.examples, kind))
    ]


@pytest.mark.parametrize(("rule", "sample"), _examples("holds"))
def test_what_a_rule_is_for_has_its_cause(rule: CauseRule, sample: Sample) -> None:
    assert holds(rule.id, _failure(sample))
    assert cause_of(_failure(sample)).name is rule.cause


@pytest.mark.parametrize(("rule", "sample"), _examples("passes_over"))
def test_what_only_looks_alike_is_passed_over(rule: CauseRule, sample: Sample) -> None:
    assert not holds(rule.id, _failure(sample))


def test_every_cause_but_the_unknown_has_a_rule() -> None:
    assert {rule.cause for rule in RULES} == set(CauseName) - {CauseName.UNKNOWN}


@pytest.mark.parametrize(
    "unit", ["a", " ", "a ", "1:", "error: ", "/", "token_", "expected ", "at x ", "5", "_", "e0", '"']
)
def test_no_text_makes_the_rules_slow(unit: str) -> None:
    text = unit * (600 // len(unit)) + "\n"
    began = time.process_time()

    cause_of(failure(text * 20))
    cause_of(failure("x", before=text * 40, after=text * 40))

    assert time.process_time() - began < 0.5


def test_a_failure_that_no_rule_knows_has_an_unknown_cause() -> None:
    cause = cause_of(failure("the order went west"))

    assert (cause.name, cause.confidence, cause.evidence) == (CauseName.UNKNOWN, 0.0, None)


def test_a_cause_tells_its_reason_and_the_line_that_it_goes_by() -> None:
    cause = cause_of(failure("npm error code 1\nnpm error network getaddrinfo ENOTFOUND registry.example"))

    assert cause.name is CauseName.DNS
    assert cause.reason == "a host name could not be resolved"
    assert cause.evidence == "npm error network getaddrinfo ENOTFOUND registry.example"
    assert 0.9 < cause.confidence < 1


def test_a_line_beside_the_failure_is_evidence_where_a_root_cause_is_told_there() -> None:
    cause = cause_of(failure("Command failed", before="write error: No space left on device"))

    assert cause.name is CauseName.DISK
    assert cause.evidence == "write error: No space left on device"


def test_what_the_headline_says_outweighs_the_rest() -> None:
    told = "error: timed out waiting for the condition\nconnection refused"

    assert cause_of(failure(told)).name is CauseName.TIMEOUT


def test_letters_that_change_their_number_in_lower_case_do_not_move_the_evidence() -> None:
    cause = cause_of(failure("İİİİ\nİ bash: jq: command not found\nafter"))

    assert cause.evidence == "İ bash: jq: command not found"
