"""Patches as a file: one typed row each, whole or not at all, and read by DuckDB as documented."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import zstandard
from sqlalchemy import Engine

from repo_agent_dagster.contracts.periods import UtcRange
from repo_agent_dagster.reports.export import ExportError, PatchRow, export_patches, patch_rows
from tests.reports.builder import APPLIED, FAILED, VALIDATED, event_rows, write

MARCH = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
DAYS = UtcRange.of_days(date(2026, 3, 4), date(2026, 3, 6))
ERROR = 'line one, "quoted"\nline two'
PAGE = Path(__file__).parents[2] / "docs/patch-analytics.md"


@pytest.fixture
def worked(store: Engine) -> Engine:
    write(
        store,
        event_rows(MARCH, VALIDATED, check=True, patch_id="019c0000-0000-7000-8000-000000000001"),
        event_rows(MARCH, FAILED, check=False, error=ERROR, order=None, phase=None),
        event_rows(MARCH + timedelta(days=2), APPLIED, file_path="ä\t.py"),
        event_rows(MARCH + timedelta(days=3), APPLIED),
    )
    return store


def test_a_row_tells_what_became_of_a_patch(worked: Engine) -> None:
    assert next(patch_rows(worked, UtcRange(MARCH, MARCH + timedelta(microseconds=1)))) == PatchRow(
        patch_id="019c0000-0000-7000-8000-000000000001",
        day=date(2026, 3, 4),
        opened_at=MARCH,
        order_id="42",
        phase="implement",
        factory="agent-a",
        op="replace-block",
        workspace="/srv/shop",
        file_path="src/cart.py",
        outcome="ok",
        is_reverted=False,
        is_refused=False,
        error=None,
        requested_at=MARCH,
        applied_at=MARCH + timedelta(seconds=2),
        validated_at=MARCH + timedelta(seconds=4),
    )


def test_events_that_come_while_it_is_written_are_left_out(worked: Engine) -> None:
    rows = patch_rows(worked, DAYS)
    first = next(rows)
    write(worked, event_rows(MARCH + timedelta(days=1)))
    assert len([first, *rows]) == 3


def test_progress_is_told_by_day(worked: Engine, tmp_path: Path) -> None:
    told: list[tuple[date, int]] = []
    done = export_patches(worked, DAYS, tmp_path / "p.csv", say=lambda day, rows: told.append((day, rows)))
    assert told == [(date(2026, 3, 4), 2), (date(2026, 3, 5), 2), (date(2026, 3, 6), 3)]
    assert (done.patches, done.size) == (3, (tmp_path / "p.csv").stat().st_size)


@pytest.mark.parametrize("name", ["p.csv", "p.csv.zst", "p.jsonl", "p.jsonl.zst"])
def test_duckdb_reads_every_format_with_its_types(sqlite_store: Engine, tmp_path: Path, name: str) -> None:
    write(
        sqlite_store,
        event_rows(MARCH, VALIDATED, check=True),
        event_rows(MARCH, FAILED, check=False, error=ERROR, order=None),
    )
    export_patches(sqlite_store, DAYS, tmp_path / name)
    read = duckdb.sql(f"FROM '{tmp_path / name}' ORDER BY outcome DESC")
    types = dict(zip(read.columns, map(str, read.types), strict=True))
    assert list(types) == list(PatchRow._fields)
    assert (types["day"], types["is_reverted"]) == ("DATE", "BOOLEAN")
    assert types["opened_at"].startswith("TIMESTAMP")
    ok, failed = (dict(zip(read.columns, row, strict=True)) for row in read.fetchall())
    assert (ok["outcome"], ok["error"], str(ok["order_id"])) == ("ok", None, "42")
    assert (failed["error"], failed["order_id"], failed["is_reverted"]) == (ERROR, None, True)


def test_jsonl_has_an_object_on_each_line(worked: Engine, tmp_path: Path) -> None:
    export_patches(worked, DAYS, tmp_path / "p.jsonl.zst")
    packed = (tmp_path / "p.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(packed).read().decode().splitlines()
    rows = [json.loads(line) for line in lines]
    assert sorted(row["file_path"] for row in rows) == ["src/cart.py", "src/cart.py", "ä\t.py"]
    assert {row["opened_at"] for row in rows} == {"2026-03-04T09:30:00+00:00", "2026-03-06T09:30:00+00:00"}


def test_the_queries_of_the_page_run(sqlite_store: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(sqlite_store, *(event_rows(MARCH, VALIDATED, check=True) for _ in range(10)))
    export_patches(sqlite_store, DAYS, tmp_path / "patches.csv")
    monkeypatch.chdir(tmp_path)
    [block] = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.S)
    failing, latency = (duckdb.sql(query).fetchall() for query in block.split(";")[:2])
    assert failing == [("src/cart.py", 0, 10)]
    assert latency == [(9, 4.0)]


def test_an_older_file_stays_until_all_is_written(worked: Engine, tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("old")

    def stop(_day: date, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_patches(worked, DAYS, file, say=stop)
    assert [path.name for path in tmp_path.glob("*p.csv*")] == ["p.csv"]
    assert file.read_text() == "old"


@pytest.mark.parametrize("name", ["p", "p.parquet", "p.csv.gz", ".csv"])
def test_a_name_that_says_no_format_is_refused(sqlite_store: Engine, tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="does not end in"):
        export_patches(sqlite_store, DAYS, tmp_path / name)
    assert not list(tmp_path.glob(f"*{name}*"))
