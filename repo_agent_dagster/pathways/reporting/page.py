"""The HTML page of a task: the verdict first, then why, the tests, how long each step took, and each decision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repo_agent_dagster.contracts.outcomes import PathwayResult, Standing
from repo_agent_dagster.pages import wording
from repo_agent_dagster.pages.rendering import Headline, page_environment
from repo_agent_dagster.store.ai_logs import StoredAiCall
from repo_agent_dagster.store.task_requests import TaskRequest

_TONES = {Standing.GOOD: "ok", Standing.BAD: "failed", Standing.UNJUDGED: "unchecked"}
_LISTED = 100
_TOLD_ELSEWHERE = {
    "verdict", "reasons", "repo_url", "ref", "commit", "subfolder", "durations", "artifacts", "before", "after",
    "tests_only", "setup", "changes",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step's share of the whole: seconds, and where its bar begins and how wide it is, in per cent."""

    name: str
    seconds: float
    start: float
    width: float


@dataclass(frozen=True)
class TestList:
    """The tests of one class, e.g. those that failed before and pass now; `more` are not listed."""

    __test__ = False  # not a test class, though pytest collects classes by this name

    title: str
    tone: str
    tests: tuple[str, ...]
    more: int


@dataclass(frozen=True)
class Detail:
    """One field that only this pathway tells: a text, a preformatted text, or rows, with columns or without."""

    name: str
    text: str = ""
    preformatted: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def render(task: TaskRequest, result: PathwayResult, thoughts: Sequence[StoredAiCall], *, now: datetime) -> str:
    """Return the page, which needs nothing else and makes no request."""
    told = result.tests()
    template = page_environment(__package__).get_template("task.html.j2")
    return template.render(
        task=task,
        result=result,
        headline=Headline(_TONES[result.standing], wording.words(result.verdict.value)),
        counts=_counts(told),
        lists=_lists(told),
        steps=steps(result.durations),
        total=sum(result.durations.values()),
        thoughts=thoughts,
        details=_details(result),
        setup=getattr(result, "setup", None),
        wording=wording,
        generated_at=now,
    )


def steps(durations: Mapping[str, float]) -> list[Step]:
    """Return the steps as bars, one after the other."""
    whole = sum(durations.values()) or 1.0
    placed: list[Step] = []
    at = 0.0
    for name, seconds in durations.items():
        placed.append(Step(name, seconds, 100 * at / whole, max(100 * seconds / whole, 0.4)))
        at += seconds
    return placed


_LISTS = {
    "pass_to_fail": ("Broken: passed before, fail now", "failed"),
    "fail_to_fail": ("Still failing", "failed"),
    "failing": ("Failing", "failed"),
    "gone": ("Gone", "failed"),
    "flaky": ("Flaky: passed and failed on the same code", "unchecked"),
    "fail_to_pass": ("Repaired: failed before, pass now", "ok"),
    "new": ("New", "unchecked"),
}


def _lists(told: Mapping[str, object]) -> list[TestList]:
    found = []
    for key, (title, tone) in _LISTS.items():
        tests = told.get(key)
        if isinstance(tests, (list, tuple)) and tests:
            named = tuple(str(test) for test in tests[:_LISTED])
            found.append(TestList(title, tone, named, len(tests) - len(named)))
    return found


def _counts(told: Mapping[str, object]) -> list[tuple[str, Mapping[str, object]]]:
    """Return the runs with their counts: those that are told as an object with a total."""
    rows = [(name, run) for name, run in told.items() if isinstance(run, Mapping) and "total" in run]
    return rows or ([("all", told)] if "total" in told else [])


def _details(result: PathwayResult) -> list[Detail]:
    """Return what only this pathway tells, each as a text, as preformatted text, or as a table."""
    listed = set(result.tests())
    found: list[Detail] = []
    for name, value in result.model_dump(mode="json", by_alias=False).items():
        if name in _TOLD_ELSEWHERE or name in listed or value in (None, "", [], {}):
            continue
        found.append(_detail(wording.words(name), value))
    return found


def _detail(name: str, value: Any) -> Detail:
    if isinstance(value, dict) and all(_plain(item) is not None for item in value.values()):
        rows = tuple((wording.words(key), _plain(item) or "–") for key, item in value.items())
        return Detail(name, rows=rows)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        columns = tuple(dict.fromkeys(key for item in value for key in item))
        cells = [[_plain(item.get(key)) for key in columns] for item in value]
        if all(cell is not None for row in cells for cell in row):
            shown = tuple(tuple(cell or "–" for cell in row) for row in cells[:_LISTED])
            return Detail(name, columns=tuple(wording.words(key) for key in columns), rows=shown)
    text = _plain(value)
    if text is not None:
        return Detail(name, text=text)
    return Detail(
        name, preformatted=value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    )


def _plain(value: Any) -> str | None:
    """Return what fits into one line of text; None for what does not."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return None if "\n" in value else value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) and "\n" not in str(item) for item in value):
        return ", ".join(str(item) for item in value)
    return None
