"""The labelled failure logs (benchmarks/failure_logs) and their reader; what the README does not allow is refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import yaml

Split = Literal["dev", "held_out", "held_out_second"]
Form = Literal["actions", "terminal", "jsonl"]

ROOT = Path(__file__).parent / "failure_logs"
SPLITS: tuple[Split, ...] = get_args(Split)
CAUSES = frozenset(
    [
        "dependency_resolution",
        "type_error",
        "assertion",
        "timeout",
        "oom",
        "rate_limit",
        "auth",
        "dns",
        "disk",
        "missing_secret",
        "lint",
        "flaky",
        "infra",
        "exception",
        "syntax",
        "config",
    ]
)


class BadLabels(ValueError):
    """A case's labels do not follow benchmarks/failure_logs/README.md."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in one log: its id, which it keeps in other logs, and the numbers of its error lines, from 1."""

    id: str
    cause: str
    accept: tuple[str, ...]
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class LabelledLog:
    """One case. `place` is the repository or the worker; the first of `problems` is the one that it is about."""

    name: str
    place: str
    workflow: str | None
    job: str | None
    tool: str
    form: Form
    log: str
    green: str | None
    problems: tuple[Problem, ...]
    also_ok: frozenset[int]

    @property
    def error_lines(self) -> frozenset[int]:
        """The numbers of all lines that should be picked."""
        return frozenset().union(*(problem.lines for problem in self.problems))


def read_split(split: Split, root: Path = ROOT) -> list[LabelledLog]:
    """Return the cases of a split in the order of their names.

    Raises:
        BadLabels: a case is not as the README says; which one and why.
    """
    return list(_cases(root / split))


def log_lines(text: str) -> list[str]:
    """Split a log into the lines that labels count: at line feeds only."""
    return text.removesuffix("\n").split("\n")


def _cases(folder: Path) -> Iterator[LabelledLog]:
    for labels in sorted(folder.glob("*/labels.yaml")):
        yield _case(labels.parent)


def _case(folder: Path) -> LabelledLog:
    labels = yaml.safe_load((folder / "labels.yaml").read_text())
    green = folder / "green.txt"
    case = LabelledLog(
        name=folder.name,
        place=labels.get("repo") or labels["worker"],
        workflow=labels.get("workflow"),
        job=labels.get("job"),
        tool=labels["tool"],
        form=labels["form"],
        log=(folder / "log.txt").read_bytes().decode(),
        green=green.read_bytes().decode() if green.exists() else None,
        problems=tuple(
            Problem(one["id"], one["cause"], tuple(one.get("accept", ())), _numbers(one["lines"]))
            for one in labels["problems"]
        ),
        also_ok=_numbers(labels.get("also_ok", ())),
    )
    _check(case)
    return case


def _numbers(ranges: list[int | str] | tuple[()]) -> frozenset[int]:
    numbers: set[int] = set()
    for one in ranges:
        first, _, last = str(one).partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def _check(case: LabelledLog) -> None:
    lines = log_lines(case.log)
    if case.form not in get_args(Form):
        raise BadLabels(f"{case.name}: form {case.form!r} is none of {', '.join(get_args(Form))}")
    if not case.problems:
        raise BadLabels(f"{case.name}: a failure log has at least one problem")
    for problem in case.problems:
        for cause in (problem.cause, *problem.accept):
            if cause not in CAUSES:
                raise BadLabels(f"{case.name}: unknown cause {cause!r}")
        if not problem.lines:
            raise BadLabels(f"{case.name}: problem {problem.id} has no error lines")
    for number in case.error_lines | case.also_ok:
        if not 1 <= number <= len(lines):
            raise BadLabels(f"{case.name}: there is no line {number}, the log has {len(lines)}")
    if both := case.error_lines & case.also_ok:
        raise BadLabels(f"{case.name}: lines {sorted(both)} cannot be error lines and also ok")
