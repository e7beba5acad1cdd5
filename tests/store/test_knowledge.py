"""What was learned: each piece and each analysis once, opinions and tool calls as they were given."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.tasks import TaskStatus
from repo_agent_dagster.store import feasibility, feedback, knowledge, repository_analysis, transactions
from repo_agent_dagster.store.engine import write_transaction
from repo_agent_dagster.store.feasibility import FeasibilityStateError
from repo_agent_dagster.store.feedback import Feedback, RatingError, RatingSummary


def test_a_piece_is_kept_once_for_each_source_and_content(store: Engine, now: datetime) -> None:
    later = now + timedelta(1)
    piece = {"topic": "ci", "title": "Caches", "body": "Use a cache.", "source": "docs/ci.md"}
    with write_transaction(store) as conn:
        assert knowledge.put_piece(conn, **piece, tags=["ci"], now=now)
        assert not knowledge.put_piece(conn, **piece, tags=["ci"], now=later)
        [first] = knowledge.listing(conn)
        assert (first.created_at, first.updated_at, first.tags) == (now, now, ["ci"])

        assert knowledge.put_piece(conn, **piece | {"title": "Caching"}, tags=["ci", "npm"], now=later)
        [second] = knowledge.listing(conn)
    assert (second.id, second.title, second.tags) == (first.id, "Caching", ["ci", "npm"])
    assert (second.created_at, second.updated_at) == (now, later)


def test_pieces_are_found_by_topic_source_and_content(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        knowledge.put_piece(conn, topic="ci", title="1", body="a", source="x", now=now)
        knowledge.put_piece(conn, topic="db", title="2", body="b", source="x", now=now + timedelta(1))
        knowledge.put_piece(conn, topic="ci", title="3", body="a", source="y", now=now + timedelta(2))
        assert [piece.title for piece in knowledge.listing(conn)] == ["3", "2", "1"]
        assert [piece.title for piece in knowledge.listing(conn, topic="ci", source="x")] == ["1"]
        found = knowledge.get(conn, "x", knowledge.content_digest("b"))
        assert found is not None
        assert found.title == "2"
        assert knowledge.get(conn, "x", knowledge.content_digest("c")) is None


def test_what_a_source_no_longer_says_is_forgotten(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        for source, body in [("x", "a"), ("x", "b"), ("x", "c"), ("y", "a")]:
            knowledge.put_piece(conn, topic="t", title=body, body=body, source=source, now=now)
        assert knowledge.forget_others(conn, "x", keep=[knowledge.content_digest("b")]) == 2
        assert {(piece.source, piece.body) for piece in knowledge.listing(conn)} == {("x", "b"), ("y", "a")}
        assert knowledge.forget_others(conn, "x", keep=[]) == 1


def test_an_analysis_is_kept_once_for_each_commit_and_analyzer(store: Engine, now: datetime) -> None:
    key = ("https://example.org/a.git", "c0ffee", "1")
    with write_transaction(store) as conn:
        assert repository_analysis.put_analysis(conn, *key, {"files": 1}, now=now)
        assert not repository_analysis.put_analysis(conn, *key, {"files": 1}, now=now)
        assert repository_analysis.put_analysis(conn, *key, {"files": 2, "by": ["py"]}, now=now)
        assert repository_analysis.put_analysis(conn, key[0], key[1], "2", {}, now=now + timedelta(1))

        found = repository_analysis.get(conn, *key)
        assert found is not None
        assert found.result == {"files": 2, "by": ["py"]}
        assert [row.analyzer_version for row in repository_analysis.listing(conn, key[0])] == ["2", "1"]
        assert repository_analysis.get(conn, key[0], "other", "1") is None


def test_opinions_are_listed_newest_first_and_summed_up(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        assert feedback.summary(conn, "order:42") == RatingSummary(0, None)
        good = feedback.give(conn, "order:42", 5, now=now, notes="fast")
        poor = feedback.give(conn, "order:42", 2, now=now + timedelta(1))
        other = feedback.give(conn, "order:43", 1, now=now + timedelta(2))
        assert feedback.listing(conn) == [other, poor, good]
        assert feedback.listing(conn, subject="order:42", limit=1) == [poor]
        assert feedback.summary(conn, "order:42") == RatingSummary(2, 3.5)
    assert isinstance(good, Feedback)


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_a_rating_out_of_range_is_refused(store: Engine, now: datetime, rating: int) -> None:
    with write_transaction(store) as conn:
        with pytest.raises(RatingError, match=f"rating {rating} is not one of 1"):
            feedback.give(conn, "x", rating, now=now)
        assert feedback.listing(conn) == []


def test_tool_calls_are_paged_newest_first(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn:
        ids = [
            transactions.record(conn, tool, {"q": n}, status="success", latency_ms=1.5, now=now, response={"a": [n]})
            for n, tool in enumerate(["search", "apply", "search"])
        ]
        failed = transactions.record(conn, "apply", {}, status="failed", latency_ms=0.1, now=now, error="no\0pe")

        [newest] = transactions.listing(conn, limit=1)
        assert (newest.id, newest.error, newest.response) == (failed, "no\ufffdpe", None)
        assert [row.id for row in transactions.listing(conn, before_id=newest.id)] == ids[::-1]
        assert [row.id for row in transactions.listing(conn, tool="apply", status="success")] == [ids[1]]
        assert transactions.listing(conn, tool="search")[0].response == {"a": [2]}


def test_a_feasibility_job_is_claimed_and_closed_once(store: Engine, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with write_transaction(store) as conn:
        job = feasibility.create(conn, "https://example.org/a.git", "Can it run on Workers?", now=now)
        assert feasibility.get(conn, job.id) == job
        assert feasibility.listing(conn, status=TaskStatus.PENDING) == [job]

        assert feasibility.claim(conn, job.id, now=now)
        assert not feasibility.claim(conn, job.id, now=now)
        assert feasibility.finish(conn, job.id, TaskStatus.SUCCESS, now=later, result={"feasible": True})
        assert not feasibility.finish(conn, job.id, TaskStatus.FAILED, now=later, error="late")

        [found] = feasibility.listing(conn)
        assert feasibility.listing(conn, status=TaskStatus.PENDING) == []
    assert (found.status, found.result, found.error) == (TaskStatus.SUCCESS, {"feasible": True}, None)
    assert found.updated_at == later


def test_a_feasibility_job_cannot_end_as_pending(store: Engine, now: datetime) -> None:
    with write_transaction(store) as conn, pytest.raises(FeasibilityStateError, match="cannot end as pending"):
        feasibility.finish(conn, "any", TaskStatus.PENDING, now=now)
