"""A reader of failure blocks that breaks on a log loses its own findings, and nobody else's."""

import logging
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis import blocks
from repo_agent_dagster.ops.analysis.blocks import Block, blocks_of, findings

LOG = """\
src/t.ts(1,7): error TS2322: 'string' is not assignable.
src/t.ts(2,7): error TS2304: no such name.
curl: (6) Could not resolve host: git.example
panic: no cart
goroutine 1 [running]:
"""


def test_a_rule_with_a_verdict_below_it_that_no_test_follows_is_read(explain):
    (failure,) = explain("""\
        ============================= test session starts ==============================
        tests/test_cart.py R.                                                     [100%]

        ===================== 1 passed, 1 rerun in 0.11s ======================
        ERROR: 1 test was repeated, and none may be
        Error: Process completed with exit code 1.
        """)

    assert failure.headline == "ERROR: 1 test was repeated, and none may be"
    assert failure.test is None


@given(
    broken=st.sampled_from(blocks._SPECIFIC_FIRST),
    after=st.integers(0, 2),
    error=st.sampled_from([IndexError, ValueError, RecursionError, KeyError, AttributeError]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_other_readers_find_is_kept(broken, after, error):
    def read(texts: Sequence[str]) -> Iterator[Block]:
        for index, block in enumerate(whole_read(texts)):
            if index == after:
                break
            yield block
        raise error("a line that nobody thought of")

    texts = LOG.split("\n")
    whole = {block.tool for block in blocks_of(texts)}
    alone = {block.tool for block in broken.read(texts)}
    whole_read = broken.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broken, "read", read)
        found = {block.tool for block in blocks_of(texts)}

    assert found >= whole - alone


def test_a_broken_reader_is_named_in_the_programs_log(monkeypatch, caplog):
    monkeypatch.setattr(findings, "read", lambda texts: iter([Block("tsc", 0, 99, (0,), "x")]))

    with caplog.at_level(logging.ERROR):
        blocks_of(LOG.split("\n"))

    (record,) = [record for record in caplog.records if "reader" in record.message]
    assert findings.__name__ in record.getMessage()
