"""The labelled failure logs are as their README says, and the figures are made of them as it says."""

import re
from pathlib import Path

import pytest

from benchmarks._failure_logs import ROOT, SPLITS, BadLabels, LabelledLog, Problem, Split, log_lines, read_split
from benchmarks.failure_analysis import Occurrence, Picking, pairs, scored

PRESENT = [split for split in SPLITS if (ROOT / split).exists()]
FOREIGN = re.compile(r"npmjs|yarnpkg\.com/(?!en/docs)|pypi\.org/simple|python[h]osted|/roo[t]/|/tmp/h\d|repo1?\.maven")
LABELS = """\
repo: acme/shop
workflow: CI
job: test
tool: pytest
form: terminal
problems:
  - id: shop-total
    cause: assertion
    accept: [flaky]
    lines: [2-3, 5]
also_ok: [4]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    case = tmp_path / "dev" / "total-n1"
    case.mkdir(parents=True)
    (case / "labels.yaml").write_text(LABELS)
    (case / "log.txt").write_text("one\ntwo\nthree\nfour\nfive\n\nseven\n")
    return tmp_path


@pytest.mark.parametrize("split", PRESENT)
def test_every_case_is_well_formed(split: Split) -> None:
    cases = read_split(split)

    assert len(cases) >= 60
    for case in cases:
        assert 15 <= len(log_lines(case.log)) <= 400, case.name
        assert len({problem.id for problem in case.problems}) == len(case.problems), case.name


@pytest.mark.parametrize("split", PRESENT)
def test_a_problem_has_one_place_and_one_cause_wherever_it_occurs(split: Split) -> None:
    seen: dict[str, tuple[object, ...]] = {}
    for case in read_split(split):
        for problem in case.problems:
            told = (case.place, case.workflow, case.job, problem.cause)
            assert seen.setdefault(problem.id, told) == told, case.name


@pytest.mark.parametrize("split", PRESENT)
def test_many_problems_occur_on_several_nights_and_many_logs_have_a_passing_one(split: Split) -> None:
    cases = read_split(split)
    nights: dict[str, int] = {}
    for case in cases:
        for problem in case.problems:
            nights[problem.id] = nights.get(problem.id, 0) + 1

    assert sum(count > 1 for count in nights.values()) >= 0.3 * len(nights)
    assert 0.5 * len(cases) <= sum(case.green is not None for case in cases) < len(cases)


@pytest.mark.parametrize("split", PRESENT)
def test_no_registry_and_no_machine_is_named(split: Split) -> None:
    for case in read_split(split):
        assert not FOREIGN.search(case.log + (case.green or "")), case.name


def test_ranges_and_the_accepted_cause_are_read(root: Path) -> None:
    (case,) = read_split("dev", root)

    assert case.error_lines == {2, 3, 5}
    assert case.also_ok == {4}
    assert case.problems[0].accept == ("flaky",)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("cause: assertion", "cause: bad-luck", "unknown cause"),
        ("[2-3, 5]", "[2-30]", "there is no line"),
        ("also_ok: [4]", "also_ok: [5]", "cannot be error lines and also ok"),
        ("form: terminal", "form: paper", "form 'paper'"),
        ("lines: [2-3, 5]", "lines: []", "has no error lines"),
    ],
)
def test_labels_that_break_the_rules_are_refused(root: Path, was: str, becomes: str, reason: str) -> None:
    (root / "dev" / "total-n1" / "labels.yaml").write_text(LABELS.replace(was, becomes))

    with pytest.raises(BadLabels, match=reason):
        read_split("dev", root)


def test_lines_that_are_also_ok_and_empty_ones_do_not_count(root: Path) -> None:
    (case,) = read_split("dev", root)

    assert scored(case, [2, 4, 6, 7]) == Picking(found=1, missed=2, extra=1)


def test_pairs_tell_right_joins_wrong_joins_and_splits(root: Path) -> None:
    (case,) = read_split("dev", root)
    occurrences = [_occurrence(case, "a", 1), _occurrence(case, "a", 1), _occurrence(case, "a", 2)]

    assert pairs([*occurrences, _occurrence(case, "b", 2)]) == (1, 1, 2)


def _occurrence(case: LabelledLog, problem: str, issue: int) -> Occurrence:
    return Occurrence(case, Problem(problem, "assertion", (), frozenset({2})), None, issue, None)
