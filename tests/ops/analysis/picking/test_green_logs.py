"""Beside the last passing log of the same job: what that says too is not why this one failed."""

from dataclasses import replace
from datetime import UTC, datetime

from repo_agent_dagster.contracts.builds import BuildJob
from repo_agent_dagster.ops.analysis.model import Place
from repo_agent_dagster.ops.analysis.picking import failures_of, text_log

GREEN = """\
    2026-03-03T02:00:00Z connecting to 10.0.0.7:5432
    2026-03-03T02:00:01Z Error: metrics are off (run 8812)
        at report (/srv/shop/metrics.js:3:9)
    2026-03-03T02:00:02Z loaded 812 rows
    2026-03-03T02:00:03Z done in 12 s
    """


def test_an_error_of_every_run_is_not_the_failure(explain):
    text = """\
        2026-03-04T02:00:00Z connecting to 10.0.0.9:5432
        2026-03-04T02:00:01Z Error: metrics are off (run 9120)
            at report (/srv/shop/metrics.js:3:9)
        2026-03-04T02:00:02Z loaded 0 rows
        2026-03-04T02:00:03Z the import has nothing to do
        """

    (failure,) = explain(text, GREEN)

    assert failure.headline == "the import has nothing to do"
    assert failure.signals == {"new-since-green", "tail"}


def test_without_it_the_error_is_what_there_is(explain):
    (failure,) = explain(GREEN)

    assert failure.headline == "Error: metrics are off (run 8812)"


def test_a_known_trace_beside_a_new_one_is_left_out(explain):
    (failure,) = explain(
        """\
        Error: metrics are off (run 9120)
            at report (/srv/shop/metrics.js:3:9)
        starting
        TypeError: rows is undefined
            at load (/srv/shop/load.js:8:2)
        """,
        GREEN,
    )

    assert failure.exception == "TypeError"
    assert "new-since-green" in failure.signals


JOB = BuildJob(
    source="ci", repo="acme/shop", run_id="1", attempt=1, job_id="2", workflow="CI", job="test", branch="main",
    is_default_branch=True, sha="abc", event="push", conclusion="success", url=None,
    started_at=datetime(2026, 3, 4, tzinfo=UTC), finished_at=None, object_name="x",
)  # fmt: skip


def test_a_job_that_passed_fails_only_where_the_build_service_says_so():
    log = text_log(
        "Error: an ignored one\nTypeError: x\n    at f (/srv/a.js:1:2)\n##[error]Deploy preview failed\n",
        Place("build", "acme/shop", "CI", "test"),
        "ci",
    )

    failures = failures_of(replace(log, job=JOB))

    assert [failure.headline for failure in failures] == ["Deploy preview failed"]
    assert failures[0].run_id == "1"
