"""Jobs that are known from their lines."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.ops.builds.facts import MOST_JOBS, JobsInLines

META = {"job": "test", "conclusion": "failure", "workflow": "CI", "branch": "main", "default_branch": True}
TS = "2026-03-03 12:00:00.000000"


def jobs(*lines: tuple[str | None, dict[str, Any], str]) -> list[BuildJob]:
    found = JobsInLines("files", "web.jsonl")
    for run_id, meta, ts in lines:
        found.saw("acme/shop", run_id, meta, ts)
    return found.jobs()


def test_a_job_spans_its_lines() -> None:
    (job,) = jobs(("7", META, "2026-03-03 12:00:05.000000"), ("7", META, TS), ("7", META, "2026-03-03 12:00:03.000000"))
    assert (job.run_id, job.job, job.workflow, job.conclusion) == ("7", "test", "CI", "failure")
    assert job.started_at == datetime(2026, 3, 3, 12, tzinfo=UTC)
    assert job.finished_at == datetime(2026, 3, 3, 12, 0, 5, tzinfo=UTC)
    assert job.is_default_branch is True
    assert (job.source, job.object_name) == ("files", "web.jsonl")


def test_runs_attempts_and_jobs_are_told_apart() -> None:
    found = jobs(
        ("7", META, TS), ("8", META, TS), ("7", {**META, "attempt": 2}, TS), ("7", {**META, "job": "lint"}, TS)
    )
    assert len(found) == 4


def test_a_line_without_job_conclusion_or_run_tells_of_none() -> None:
    assert jobs((None, META, TS), ("7", {"job": "a"}, TS), ("7", {"conclusion": "failure"}, TS)) == []


def test_the_default_branch_may_be_told_by_its_name() -> None:
    (own,) = jobs(("7", {**META, "default_branch": "main"}, TS))
    (other,) = jobs(("7", {**META, "default_branch": "trunk"}, TS))
    (unknown,) = jobs(("7", {"job": "a", "conclusion": "success"}, TS))
    assert [own.is_default_branch, other.is_default_branch, unknown.is_default_branch] == [True, False, None]


def test_the_number_of_jobs_is_bounded() -> None:
    assert len(jobs(*[(str(number), META, TS) for number in range(MOST_JOBS + 5)])) == MOST_JOBS


@given(
    st.dictionaries(
        st.sampled_from(
            ["job", "conclusion", "workflow", "attempt", "job_id", "branch", "sha", "url", "default_branch"]
        ),
        st.none() | st.booleans() | st.integers() | st.text(max_size=80) | st.lists(st.integers(), max_size=1),
    )
)
def test_whatever_a_meta_holds_breaks_nothing(meta: dict[str, Any]) -> None:
    for job in jobs(("7", meta, TS)):
        assert len(job.job_id) <= 64
        assert len(job.conclusion or "") <= 32
