"""Every call of stats and trends over a mix of ranges: what half of them and what nearly all of them take."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from benchmarks._patch_history import HistorySize
from benchmarks._patch_questions import Period
from benchmarks._store_cpu import Spent, StoreCpu, percentile
from repo_agent_dagster.contracts.patch_stats import TrendGroup
from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.reports.stats import stats, trends

BAR = 0.050
_WHOLE_DAYS, _CUT_DAYS = (1.0, 7.0, 30.0, 60.0, 90.0), (0.5, 7.0, 30.0, 60.0)


@dataclass(frozen=True)
class CallTime:
    """What one call took; `cuts` tells whether its range cuts the first and the last day."""

    name: str
    cuts: bool
    spent: Spent


def call_everything(engine: Engine, cpu: StoreCpu, size: HistorySize, now: datetime, rounds: int) -> list[CallTime]:
    """Call everything over ranges of half a day to the whole history, in each round those that end a day earlier."""
    return [
        CallTime(name, cuts, cpu.of(call))
        for cuts, period in _periods(size, now, rounds)
        for name, call in _calls(engine, period).items()
    ]


def show(title: str, found: list[CallTime]) -> None:
    """Print the times of all calls, and of each kind of call."""
    print(f"{title}: milliseconds of CPU, median and 95th percentile")
    for cuts, told in ((False, "whole days"), (True, "first and last day cut")):
        of_kind = [call for call in found if call.cuts is cuts]
        cpu, clock = [call.spent.cpu for call in of_kind], [call.spent.clock for call in of_kind]
        p95 = percentile(cpu, 95)
        print(
            f"  {told}: {len(of_kind)} calls, {_pair(cpu)} (clock {_pair(clock)}), "
            f"bar {1000 * BAR:.0f}: {'ok' if p95 <= BAR else 'MISSED'}"
        )
        for name in dict.fromkeys(call.name for call in of_kind):
            print(f"    {name:18} {_pair([call.spent.cpu for call in of_kind if call.name == name])}", flush=True)


def _periods(size: HistorySize, now: datetime, rounds: int) -> Iterator[tuple[bool, Period]]:
    for number in range(rounds):
        earlier = timedelta(days=number)
        for days in (*_WHOLE_DAYS, float(size.days)):
            yield False, Period(max(size.end - earlier - timedelta(days=days), size.start), size.end - earlier)
        for days in _CUT_DAYS:
            yield True, Period(now - earlier - timedelta(days=days), now - earlier)


def _calls(engine: Engine, period: Period) -> dict[str, Callable[[], object]]:
    span = UtcRange(*period)
    found: dict[str, Callable[[], object]] = {"stats": lambda: stats(engine, span)}

    def of_group(group: TrendGroup) -> Callable[[], object]:
        return lambda: trends(engine, group, span)

    return found | {f"trends {group}": of_group(group) for group in TrendGroup}


def _pair(seconds: list[float]) -> str:
    return f"{1000 * percentile(seconds, 50):7.1f} {1000 * percentile(seconds, 95):7.1f}"
