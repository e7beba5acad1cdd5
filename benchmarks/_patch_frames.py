"""The peers that hold all events in memory: pandas after a full read, and DuckDB on the same rows in its own table."""

import csv
import resource
import sqlite3
import time
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks._patch_questions import GROUPS, STEPS, TOP, Answer, Period, Taken, counted

_COLUMNS = "id, patch_id, requester, workspace, file_path, op, event, created_at, order_id, phase, ts_check_ok, error"
_GROUP_COLUMNS = {"factory": "requester", "operation": "op", "phase": "phase", "order": "order_id"}


@dataclass(frozen=True)
class PandasRun:
    """What pandas answered, the CPU seconds of reading and of everything, and the most memory it had, in GiB."""

    answer: Answer
    reading: float
    cpu: float
    memory: float


def pandas_run(store: Path, period: Period) -> PandasRun:
    """Let pandas answer every question, in a process of its own, whose memory is its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (store, period))


def _measured(store: Path, period: Period) -> PandasRun:
    import pandas as pd

    begun = time.process_time()
    events = pd.read_sql_query(
        f"SELECT {_COLUMNS} FROM patch_events ORDER BY id",
        sqlite3.connect(f"file:{store}?mode=ro", uri=True),
        parse_dates=["created_at"],
    )
    reading = time.process_time() - begun
    answer = _answer_off(_patches(events, period))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return PandasRun(answer, reading, time.process_time() - begun, memory)


def _patches(events: Any, period: Period) -> Any:
    by_patch = events.groupby("patch_id", sort=False)
    patches = by_patch[["requester", "op", "order_id", "phase", "created_at"]].nth(0)
    patches.index = events.loc[patches.index, "patch_id"]
    patches = patches.rename(columns={"created_at": "opened_at"})
    for column, name in (("ts_check_ok", "verdict"), ("error", "error")):
        patches[name] = events[events[column].notna()].groupby("patch_id", sort=False)[column].last()
    for name, event in (("is_reverted", "patch_reverted"), ("has_failure", "patch_failed")):
        patches[name] = patches.index.isin(events.loc[events.event == event, "patch_id"])
    for name in ("requested", "applied", "validated"):
        rows = events[events.event == f"patch_{name}"]
        patches[f"{name}_at"] = rows.groupby("patch_id", sort=False).created_at.min()
    start, end = (instant.replace(tzinfo=None) for instant in period)
    return patches[(patches.opened_at >= start) & (patches.opened_at < end) & (patches.op != "revert")]


def _answer_off(patches: Any) -> Answer:
    week = patches.opened_at.dt.isocalendar()
    keys = {name: patches[column] for name, column in _GROUP_COLUMNS.items()}
    keys["day"] = patches.opened_at.dt.strftime("%Y-%m-%d")
    keys["week"] = week.year.astype(str) + "-W" + week.week.astype(str).str.zfill(2)
    unchecked = patches.verdict.isna()
    told = patches.assign(
        total=1,
        ok=patches.verdict == 1,
        failed=patches.verdict == 0,
        unchecked=unchecked,
        refused=unchecked & patches.has_failure,
        first_at=patches.opened_at,
        last_at=patches.opened_at,
    )
    summed = dict.fromkeys(("total", "ok", "failed", "unchecked", "is_reverted", "refused"), "sum")
    answer = Answer()
    for group in GROUPS:
        rows = told.groupby(keys[group].to_numpy(), dropna=False).agg(summed | {"first_at": "min", "last_at": "max"})
        named = [None if key != key or key is None else key for key in rows.index]  # NaN alone is not itself
        pairs = zip(named, rows.itertuples(index=False), strict=True)
        answer.groups[group] = counted(
            [(key, *row[:6], *(one.to_pydatetime() for one in row[6:])) for key, row in pairs]
        )
    errors = patches.error.value_counts()
    ordered = sorted(errors[errors >= errors.iloc[:TOP].min()].items(), key=lambda item: (-item[1], item[0]))
    answer.errors = [(str(text), int(n)) for text, n in ordered[:TOP]]
    for step, (start, end) in STEPS.items():
        seconds = (patches[end] - patches[start]).dropna().dt.total_seconds()
        p95 = seconds.quantile(0.95, interpolation="higher")
        answer.latency[step] = Taken(len(seconds), float(seconds.mean()), float(p95))
    return answer


class DuckEvents:
    """The events in a DuckDB file, through CSV as an export would bring them; on one thread."""

    name = "DuckDB"

    def __init__(self, store: Path, folder: Path) -> None:
        import duckdb

        exported = folder / "events.csv"
        rows = sqlite3.connect(f"file:{store}?mode=ro", uri=True).execute(f"SELECT {_COLUMNS} FROM patch_events")
        with exported.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        self.connection = duckdb.connect(
            str(folder / "events.duckdb"), config={"threads": 1, "autoinstall_known_extensions": False}
        )
        types = {"id": "BIGINT", "created_at": "TIMESTAMP", "ts_check_ok": "TINYINT"}
        columns = {name: types.get(name, "VARCHAR") for name in _COLUMNS.split(", ")}
        self.connection.execute(
            f"CREATE TABLE events AS SELECT * FROM read_csv('{exported}', header = false, columns = {columns!r})"
        )
        exported.unlink()

    def ask(self, question: str, period: Period, answer: Answer) -> None:
        """Answer one question."""
        if question in GROUPS:
            answer.groups[question] = counted(self._rows(_duck_group(question), period))
        elif question == "errors":
            answer.errors = [(text, n) for text, n in self._rows(_DUCK_ERRORS, period)]
        else:
            for step, (start, end) in STEPS.items():
                (row,) = self._rows(_duck_latency(start, end), period)
                answer.latency[step] = Taken(*row)

    def close(self) -> None:
        """Close the file; its folder is the caller's to remove."""
        self.connection.close()

    def _rows(self, sql: str, period: Period) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.connection.execute(
            sql, [instant.replace(tzinfo=None) for instant in period]
        ).fetchall()
        return found


def _duck_patches(told: str) -> str:
    return f"""
        WITH patch AS (
            SELECT patch_id, arg_min(op, id) AS op, arg_min(created_at, id) AS opened_at, {told}
            FROM events GROUP BY patch_id
            HAVING opened_at >= ? AND opened_at < ? AND op <> 'revert'
        )"""


def _duck_group(group: str) -> str:
    column = _GROUP_COLUMNS.get(group, "op")
    # The struct keeps a null apart from no row: arg_min alone would skip to an event that names one.
    patches = _duck_patches(f"""arg_min({{'key': {column}}}, id).key AS named,
                arg_max(ts_check_ok, id) AS verdict, bool_or(event = 'patch_reverted') AS is_reverted,
                bool_or(event = 'patch_failed') AS has_failure""")
    key = {"day": "strftime(opened_at, '%Y-%m-%d')", "week": "strftime(opened_at, '%G-W%V')"}.get(group, "named")
    return f"""{patches}
        SELECT {key}, count(*), count(*) FILTER (verdict = 1), count(*) FILTER (verdict = 0),
            count(*) FILTER (verdict IS NULL), count(*) FILTER (is_reverted),
            count(*) FILTER (verdict IS NULL AND has_failure), min(opened_at), max(opened_at)
        FROM patch GROUP BY 1"""


_DUCK_ERRORS = f"""{_duck_patches("arg_max(error, id) AS error")}
        SELECT error, count(*) FROM patch WHERE error IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP}"""


def _duck_latency(start: str, end: str) -> str:
    times = ", ".join(
        f"min(created_at) FILTER (event = 'patch_{name}') AS {name}_at"
        for name in ("requested", "applied", "validated")
    )
    return f"""{_duck_patches(times)},
        took AS (
            SELECT epoch({end} - {start}) AS seconds FROM patch WHERE {start} IS NOT NULL AND {end} IS NOT NULL
        )
        SELECT count(*), avg(seconds), quantile_disc(seconds, 0.95) FROM took"""
