"""The collector pauses for the block, and for no longer."""

import gc

import pytest

from repo_agent_dagster.patching.planning.collector import no_garbage_collection


def test_the_collector_rests_within_and_works_again_after_whatever_happened() -> None:
    seen: list[bool] = []

    @no_garbage_collection()
    def fails() -> None:
        with no_garbage_collection():
            seen.append(gc.isenabled())
        raise ValueError(f"within: {gc.isenabled()}")

    assert gc.isenabled()
    with pytest.raises(ValueError, match="within: False"):
        fails()
    assert (seen, gc.isenabled()) == ([False], True)


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with no_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
