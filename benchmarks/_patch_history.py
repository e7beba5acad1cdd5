"""A made-up history of patch events: the same for the same size and seed, in the order in which it was committed.

Orders live from days to weeks and go through their phases; each has a main factory and workspace. Patches come in
batches. Most have three events; some are refused, fail and are taken back, stay unchecked, are judged again or reverted
on a later day, or reach the store long after they happened. Few errors are frequent and very many are rare.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from repo_agent_dagster.contracts.custody import REVERT, EventRow
from repo_agent_dagster.contracts.patches import PatchEventName

_DAY = 86_400.0
_PHASES = ("strategy", "implement", "verify", "release")
_OPS = ("replace-block", "insert-after", "insert-before", "replace-text", "append", "create-file", "delete-file")
_OP_WEIGHTS = (48, 14, 8, 15, 6, 7, 2)
_ERRORS = 400
FREQUENT_ERROR = "TS2001: Type 'string' is not assignable to type 'Cart1'."
_FOLDERS = ("billing", "cart", "checkout", "catalog", "search", "orders", "mail", "auth")


class Event(NamedTuple):
    """One event as the tables keep it, its meta already JSON: the fields of `EventRow` in their order."""

    patch_id: str
    batch_id: str
    requester: str
    workspace: str
    file_path: str
    op: str
    event: str
    created_at: datetime
    task_id: str | None
    order_id: str | None
    phase: str | None
    ts_check_ok: bool | None
    diff_path: str | None
    error: str | None
    meta: str | None

    def as_row(self) -> EventRow:
        """Return the event as custody records it."""
        meta = None if self.meta is None else json.loads(self.meta)
        return EventRow(**self._asdict() | {"event": PatchEventName(self.event), "meta": meta})


@dataclass(frozen=True)
class HistorySize:
    """How much history; it begins at `start` (UTC) and is spread evenly over the days."""

    events: int = 5_000_000
    days: int = 120
    factories: int = 40
    orders: int = 2_000
    workspaces: int = 20
    files: int = 5_000
    start: datetime = datetime(2025, 12, 15, tzinfo=UTC)
    seed: int = 7

    @property
    def end(self) -> datetime:
        """The end of the last day."""
        return self.start + timedelta(days=self.days)


@dataclass(frozen=True)
class _Order:
    name: str
    begins: float
    lasts: float
    factories: tuple[str, ...]
    workspace: str
    busy: float

    def is_active_on(self, day: int) -> bool:
        """Whether the order is worked on during some of a day."""
        return self.begins < (day + 1) * _DAY and self.begins + self.lasts > day * _DAY

    def phase(self, second: float, random: Random) -> str | None:
        """Phases follow one another; people fall back to earlier ones, and some batches name none."""
        if random.random() < 0.03:
            return None
        at = (second - self.begins) / self.lasts * len(_PHASES) + random.gauss(0, 0.4)
        return _PHASES[min(max(int(at), 0), len(_PHASES) - 1)]


def history(size: HistorySize) -> Iterator[Event]:
    """Yield exactly `size.events` events in the order of their commits, holding a day of them in memory."""
    return islice(_Maker(size).days(), size.events)


class _Maker:
    def __init__(self, size: HistorySize) -> None:
        self.size = size
        self.random = Random(size.seed)
        self.waiting: dict[int, list[tuple[float, int, Event]]] = {}
        self.made = 0
        self.orders = [self._order(number) for number in range(size.orders)]

    def days(self) -> Iterator[Event]:
        yielded = 0
        for day in range(self.size.days + 1):  # one more than asked for: what is late on the last day fills it up
            quota = self.size.events * (day + 1) // self.size.days - yielded
            active = [
                one for one in self.orders if one.begins < (day + 1) * _DAY and one.begins + one.lasts > day * _DAY
            ]
            active = active or self.orders[-1:]
            weights = [one.busy for one in active]
            while len(self.waiting.get(day, ())) < quota:
                self._batch(self.random.choices(active, weights)[0], (day + self.random.random()) * _DAY)
            rows = self.waiting.pop(day, [])
            rows.sort()
            yielded += len(rows)
            for _, _, event in rows:
                yield event

    def _order(self, number: int) -> _Order:
        random = self.random
        span = self.size.days * _DAY
        factories = [f"factory-{random.randrange(self.size.factories):02d}" for _ in range(random.randint(1, 4))]
        factories[0] = f"factory-{number % self.size.factories:02d}"
        return _Order(
            name=f"order-{number:04d}",
            begins=span * number / self.size.orders - 2 * _DAY,
            lasts=_DAY * random.uniform(3, 25),
            factories=tuple(factories),
            workspace=f"/srv/workspaces/shop-{number % self.size.workspaces:02d}",
            busy=random.lognormvariate(0, 0.8),
        )

    def _batch(self, order: _Order, second: float) -> None:
        random = self.random
        requester = order.factories[0] if random.random() < 0.7 else random.choice(order.factories)
        batch_id = _uuid(second, random)
        order_id = None if random.random() < 0.02 else order.name
        task_id = _uuid(second, random) if random.random() < 0.3 else None
        phase = order.phase(second, random)
        for step in range(1, min(int(random.paretovariate(1.1)), 40) + 1):
            patch = Event(
                patch_id=_uuid(second, random),
                batch_id=batch_id,
                requester=requester,
                workspace=order.workspace,
                file_path=self._file(),
                op=random.choices(_OPS, _OP_WEIGHTS)[0],
                event="patch_requested",
                created_at=self.size.start,
                task_id=task_id,
                order_id=order_id,
                phase=phase,
                ts_check_ok=None,
                diff_path=None,
                error=None,
                meta=f'{{"branch":"work/{order.name}","reason":"Round VAT once per invoice.","step":{step}}}',
            )
            self._live(patch, second)

    def _live(self, patch: Event, second: float) -> None:
        """Let a patch happen from its request on."""
        random = self.random
        fate = random.random()
        applied = second + random.lognormvariate(0.2, 0.7)
        judged = applied + random.lognormvariate(1.5, 0.9)
        later = judged + random.uniform(0.2, 6) * _DAY
        self._note(patch, second)
        if fate < 0.03:
            self._note(patch, applied, event="patch_failed", error=self._error(patch.file_path))
            return
        told = {"diff_path": f".mission_control/patches/{patch.patch_id}.diff"}
        meta = (
            f'{{"added":{random.randrange(12)},"file_after_sha256":"{random.getrandbits(256):064x}",'
            f'"file_before_sha256":"{random.getrandbits(256):064x}","removed":{random.randrange(9)}}}'
        )
        self._note(patch, applied, event="patch_applied", meta=meta, **told)
        if fate < 0.08:
            return
        check = {"meta": '{"check":"tsc"}', **told}
        if fate < 0.16:
            error = self._error(patch.file_path)
            self._note(patch, judged, event="patch_failed", ts_check_ok=False, error=error, **check)
            if fate < 0.12:
                self._note(patch, judged + 0.01, event="patch_reverted", **check)
            elif fate < 0.13:
                self._note(patch, later, event="patch_validated", ts_check_ok=True, **check)
            return
        # Some are judged days after: by a person, or by a check that the night runs.
        at = later if fate < 0.18 else judged
        self._note(patch, at, event="patch_validated", ts_check_ok=True, **check)
        if fate < 0.19:
            undo = patch._replace(patch_id=_uuid(later, random), batch_id=_uuid(later, random), op=REVERT)
            self._note(undo, later + 60)
            self._note(undo, later + 61, event="patch_applied", **told)
            self._note(patch, later + 61.5, event="patch_reverted", **told)
        elif fate < 0.21:
            self._note(patch, at + 30, event="patch_exported", **told)

    def _note(self, patch: Event, second: float, **told: Any) -> None:
        """Put an event where it is committed, which for one in a thousand is a day after it happened."""
        size = self.size
        committed = second + _DAY if self.random.random() < 0.001 and told.get("event") else second
        event = patch._replace(created_at=size.start + timedelta(seconds=second), **told)
        self.made += 1
        self.waiting.setdefault(int(committed // _DAY), []).append((committed, self.made, event))

    def _file(self) -> str:
        number = int(self.random.paretovariate(0.6)) % (self.size.files // self.size.workspaces or 1)
        return f"src/{_FOLDERS[number % 8]}/{number // 8:03d}_{_FOLDERS[number % 7]}.ts"

    def _error(self, file_path: str) -> str:
        """Half of the errors name their line, which makes nearly every one of them another text."""
        random = self.random
        number = min(int(random.paretovariate(0.7)), _ERRORS)
        text = f"TS{2000 + number}: Type 'string' is not assignable to type '{_FOLDERS[number % 8].title()}{number}'."
        return f"{file_path}:{random.randrange(1, 900)}: {text}" if random.random() < 0.5 else text


def _uuid(second: float, random: Random) -> str:
    """A UUIDv7: sorted by time, as ids in the store are."""
    milliseconds = int(second * 1000) + 1_765_756_800_000
    low = random.getrandbits(74)
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{low & 0xFFF:03x}-"
        f"8{low >> 12 & 0xFFF:03x}-{low >> 24 & 0xFFFFFFFFFFFF:012x}"
    )
