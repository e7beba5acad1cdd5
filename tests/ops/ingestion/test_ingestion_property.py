"""Any sequence of writes, appends, re-runs and late lines leaves the table as a simple model says."""

import gzip
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from repo_agent_dagster.store.tables import log_ingestions, worker_logs
from tests.ops.conftest import DAY, LogFolder, line

OBJECTS = ("a.jsonl", "b.jsonl.gz", "sub/c.jsonl")
DAYS = (DAY, DAY + timedelta(days=1))

# A line is (day, text) or None for a broken one; few texts, so that identical lines are common.
Line = tuple[int, str] | None
lines = st.lists(st.none() | st.tuples(st.integers(0, 1), st.sampled_from("xyz")), max_size=6)
Step = tuple[str, str | int, list[Line]]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(OBJECTS), lines),
        st.tuples(st.just("append"), st.sampled_from(OBJECTS), lines),
        st.tuples(st.just("remove"), st.sampled_from(OBJECTS), st.just([])),
        st.tuples(st.just("ingest"), st.integers(0, 1), st.just([])),
    ),
    max_size=14,
)


def write(folder: Path, name: str, content: list[Line]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join("broken\n" if entry is None else line(entry[1], day=DAYS[entry[0]]) + "\n" for entry in content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=steps)
def test_the_table_is_what_the_objects_last_said_when_their_day_was_ingested(
    store: Engine, sequence: list[Step]
) -> None:
    root = Path(tempfile.mkdtemp())
    logs = LogFolder(store, root / "logs")
    with store.begin() as connection:
        connection.execute(worker_logs.delete())
        connection.execute(log_ingestions.delete())
    contents: dict[str, list[Line]] = {}
    ingested: dict[tuple[str, int], tuple[Line, ...]] = {}
    try:
        for action, target, content in sequence:
            if action == "ingest":
                day = int(target)
                logs.ingest(DAYS[day])
                for name, held in contents.items():
                    ingested[name, day] = tuple(held)
            elif action == "remove":
                if contents.pop(str(target), None) is not None:
                    (logs.folder / str(target)).unlink()
            else:
                held = contents.get(str(target), []) if action == "append" else []
                contents[str(target)] = held + content
                write(logs.folder, str(target), contents[str(target)])

        with store.connect() as connection:
            stored = connection.execute(select(worker_logs.c.message, worker_logs.c.ts)).all()
        # Objects that hold the same bytes are one delivery, made twice.
        deliveries = {(content, day) for (_, day), content in ingested.items()}
        assert Counter((message, ts.date()) for message, ts in stored) == Counter(
            (entry[1], DAYS[day]) for content, day in deliveries for entry in content if entry and entry[0] == day
        )
    finally:
        shutil.rmtree(root)
