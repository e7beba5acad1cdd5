"""The search for the first bad commit, on numbers."""

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.pathways.recreation.bisecting import Trial, halve


@given(st.integers(1, 200), st.data())
def test_the_first_bad_one_is_found_in_few_steps(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(0, count - 1))

    state = halve(count, lambda at: "bad" if at >= first_bad else "good")

    assert (state.good, state.bad) == (first_bad - 1, first_bad)
    assert state.steps <= count.bit_length()


@given(st.integers(1, 40), st.data())
def test_what_cannot_be_tried_only_widens_the_answer(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(0, count - 1))
    untestable = data.draw(st.sets(st.integers(0, count - 2))) if count > 1 else set()

    def trial(at: int) -> Trial:
        if at in untestable:
            return "untestable"
        return "bad" if at >= first_bad else "good"

    state = halve(count, trial, most_steps=1000)

    assert state.good < first_bad <= state.bad
    assert all(at in untestable for at in range(state.good + 1, state.bad))


def test_it_ends_when_its_steps_are_used_up() -> None:
    assert halve(1000, lambda at: "good", most_steps=3).steps == 3
