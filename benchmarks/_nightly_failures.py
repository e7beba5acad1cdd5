"""Synthetic nights of failures: the same problems again and again, with everything new that is new every night."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from benchmarks._nightly_phrases import Phrase
from repo_agent_dagster.contracts.logs import LogLevel, LogRecord
from repo_agent_dagster.ops.analysis.model import Failure, Place
from repo_agent_dagster.ops.analysis.picking import failures_of, joined_failures, text_log

SOURCE = "nights"
_HEX, _LETTERS = "0123456789abcdef", "abcdefghijklmnopqrstuvwxyz"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_POD = "bcdfghjklmnpqrstvwxz2456789"
_NAMES = (
    *("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia"),
    *("peggy", "rupert", "sybil", "trent", "victor", "walter", "yvonne"),
)
_ROOTS = (
    "/home/runner/_work/shop/shop/",
    "/opt/actions-runner/_work/shop/shop/",
    "/__w/shop/shop/",
    "/builds/acme/shop/",
)
_FIRST_NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)

Night = random.Random


def _word(night: Night, alphabet: str, length: int) -> str:
    return "".join(night.choices(alphabet, k=length))


def _uuid(night: Night) -> str:
    return "-".join(_word(night, _HEX, length) for length in (8, 4, 4, 4, 12))


def _date(night: Night) -> str:
    moment = _FIRST_NIGHT + timedelta(seconds=night.randint(0, 10**7), microseconds=night.randint(0, 999_999))
    forms = ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S GMT", "%s")
    return moment.strftime(night.choice(forms))


_IDS: tuple[Callable[[Night], str], ...] = (
    _uuid,
    lambda night: str(night.randint(1, 10 ** night.randint(2, 12))),
    lambda night: _word(night, _HEX, night.choice((7, 12, 24, 32, 40))),
    lambda night: f"ord_{_word(night, _BASE62, 22)}",
    lambda night: f"{_word(night, _LETTERS.upper(), 2)}-{night.randint(1000, 99999)}",
)

FIELDS: dict[str, Callable[[Night], str]] = {
    "n": lambda night: str(night.randint(1, 99_999)),
    "small": lambda night: str(night.randint(1, 80)),
    "line": lambda night: str(night.randint(1, 900)),
    "secs": lambda night: f"{night.random() * 100:.{night.randint(1, 3)}f}",
    "ip": lambda night: ".".join(str(night.randint(1, 254)) for _ in range(4)),
    "port": lambda night: str(night.randint(1024, 65_535)),
    "uuid": _uuid,
    "hex": lambda night: _word(night, _HEX, night.randint(8, 32)),
    "sha": lambda night: _word(night, _HEX, 40),
    "short": lambda night: _word(night, _HEX, 7),
    "addr": lambda night: f"0x{_word(night, _HEX, 12)}",
    "tmp": lambda night: f"/tmp/{_word(night, _LETTERS, 8)}/{_word(night, _LETTERS + '_', 6)}",
    "root": lambda night: night.choice(_ROOTS),
    "date": _date,
    "clock": lambda night: f"{night.randint(0, 23):02}:{night.randint(0, 59):02}:{night.randint(0, 59):02}",
    "mb": lambda night: f"{night.random() * 900:.1f} {night.choice(('KiB', 'MiB', 'GiB', 'MB'))}",
    "version": lambda night: f"{night.randint(0, 9)}.{night.randint(0, 30)}.{night.randint(0, 20)}",
    "user": lambda night: night.choice(_NAMES),
    "pod": lambda night: f"{_word(night, _POD, night.choice((9, 10)))}-{_word(night, _POD, 5)}",
    **{f"id{number}": style for number, style in enumerate(_IDS)},
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: where it is, what it says with its own values filled in, and, of a build, the step's command.

    Its ids are of one style, night after night.
    """

    name: str
    place: Place
    text: str
    step: str | None


def problems_of(phrases: Sequence[Phrase], label: str) -> list[Problem]:
    """Return the problems of the phrases. All of one phrase, and of four phrases at a time, are in one place."""
    problems = []
    for number, phrase in enumerate(phrases):
        group = f"{label}{number // 4}"
        if phrase.step is None:
            place = Place("worker", f"worker-of-{group}")
        else:
            place = Place("build", f"acme/{group}", "CI", "test (3.11, ubuntu)")
        for turn in range(max(len(values) for values in phrase.values.values())):
            text = phrase.text
            for name, values in phrase.values.items():
                text = text.replace(f"[[{name}]]", values[turn % len(values)])
            text = text.replace("{id}", f"{{id{turn % len(_IDS)}}}")
            problems.append(Problem(f"{label}{number}.{turn}", place, text, phrase.step))
    return problems


def failures_of_night(problems: Sequence[Problem], number: int, share: float = 0.6) -> Iterator[tuple[str, Failure]]:
    """Yield what is found of the problems that occur on a night, each once or twice, with the problem's name."""
    night = random.Random(f"night {number}")
    for problem in night.sample(list(problems), k=round(share * len(problems))):
        for turn in range(night.choice((1, 1, 2))):
            run = f"{problem.name}/{number}/{turn}"
            found = (
                _worker(problem, night, run, number) if problem.step is None else _build(problem, night, run, number)
            )
            for failure in found:
                yield problem.name, failure


def _worker(problem: Problem, night: Night, run: str, number: int) -> list[Failure]:
    ts = _FIRST_NIGHT + timedelta(days=number, seconds=night.randint(0, 80_000))
    message = _filled(problem.text, night)
    record = LogRecord(1, "worker", SOURCE, problem.place.name, run, LogLevel.ERROR, message, None, ts)
    return list(joined_failures([record]))


def _build(problem: Problem, night: Night, run: str, number: int) -> list[Failure]:
    command = _filled(problem.step or "", night)
    lines = [
        "##[group]Run actions/checkout@v4",
        f"HEAD is now at {_word(night, _HEX, 7)} Merge",
        "##[endgroup]",
        f"##[group]Run {command}",
        command,
        "shell: /usr/bin/bash -e {0}",
        "##[endgroup]",
        *_filled(problem.text, night).split("\n"),
        "##[error]Process completed with exit code 1.",
    ]
    start = _FIRST_NIGHT + timedelta(days=number)
    stamped = [
        f"{(start + timedelta(milliseconds=137 * row)).strftime('%Y-%m-%dT%H:%M:%S.%f')}1Z {line}"
        for row, line in enumerate(lines)
    ]
    legs = ("3.11, ubuntu", "3.12, ubuntu", "3.12, windows")
    place = Place("build", problem.place.name, "CI", f"test ({night.choice(legs)})")
    log = text_log("\n".join(stamped), place, SOURCE)
    return [replace(failure, run_id=run) for failure in failures_of(log, None)]


def _filled(text: str, night: Night) -> str:
    """Fill the fields; those that begin with ``same_`` have one value in all of the text."""
    first, *rest = text.replace("{{", "\0").split("{")
    parts = [first]
    same: dict[str, str] = {}
    for piece in rest:
        name, _, after = piece.partition("}")
        value = FIELDS[name.removeprefix("same_")](night)
        parts += (same.setdefault(name, value) if name.startswith("same_") else value, after)
    return "".join(parts).replace("\0", "{")
