"""What varies becomes a gap, what was joined stays joined, and ids outlive the process."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.ops.analysis.templates import TemplateMiner
from tests.ops.analysis.templates.drain_by_the_paper import GAP, Drain

WORDS = st.sampled_from(["open", "close", "file", "user", "alice", "bob", "carol", "dave", "erin", "E404", "<NUM>"])
LINES = st.lists(WORDS, max_size=6).map(" ".join)


def test_lines_that_differ_in_few_words_are_one_template() -> None:
    miner = TemplateMiner()

    first = miner.learn("session of alice expired after <NUM>")
    second = miner.learn("session of bob expired after <NUM>")
    other = miner.learn("disk <NUM> is full")

    assert first.text == "session of alice expired after <NUM>"
    assert (second.id, second.text) == (first.id, "session of <*> expired after <NUM>")
    assert other.id != first.id


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, unique=True, max_size=40), st.sampled_from([0.4, 0.6]), st.sampled_from([3, 100]))
def test_distinct_lines_are_grouped_as_by_the_paper(lines: list[str], similarity: float, max_children: int) -> None:
    miner = TemplateMiner(similarity=similarity, max_children=max_children)
    paper = Drain(4, similarity, max_children)
    ours: dict[int, list[int]] = {}
    groups = []
    for number, line in enumerate(lines):
        if miner.find(line) is not None:  # what a template covers already stays with it: that is our addition
            continue
        ours.setdefault(miner.learn(line).id, []).append(number)
        if (group := paper.add(number, line)) not in groups:
            groups.append(group)

    assert list(ours.values()) == [group.lines for group in groups]
    assert dict(miner) == {number: " ".join(group.words) for number, group in zip(ours, groups, strict=True)}


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=60))
def test_what_was_learnt_is_covered_for_ever(lines: list[str]) -> None:
    miner = TemplateMiner(max_children=3)
    for line in lines:
        miner.learn(line)

    for line in lines:
        found = miner.find(line)
        assert found is not None
        words = found.text.split()
        assert all(own in (GAP, word) for own, word in zip(words, line.split(), strict=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=60), st.lists(LINES, max_size=30), st.sampled_from([3, 1000]))
def test_a_miner_goes_on_from_its_state_as_if_it_had_not_stopped(
    before: list[str], after: list[str], max_clusters: int
) -> None:
    miner = TemplateMiner(max_children=3, max_clusters=max_clusters)
    for line in before:
        miner.learn(line)
    state = json.loads(json.dumps(miner.to_state()))

    other = TemplateMiner.from_state(state, max_clusters=max_clusters)

    assert other.to_state() == state
    new = [line for line in after if line not in before]
    assert [other.learn(line) for line in new] == [miner.learn(line) for line in new]


def test_at_most_so_many_clusters_are_kept_and_ids_are_never_used_again() -> None:
    miner = TemplateMiner(max_clusters=2)

    first, second = miner.learn("alpha one"), miner.learn("beta two three")
    miner.learn("alpha one")
    third = miner.learn("gamma four five six")

    assert len(miner) == 2
    assert miner.find("beta two three") is None, "it was not seen for longest"
    assert miner.find("alpha one") == first
    assert miner.learn("beta two three").id > third.id > second.id
    assert TemplateMiner.from_state(miner.to_state(), max_clusters=1).learn("new one here at last").id == 5


def test_lines_of_different_scopes_never_share_a_template() -> None:
    miner = TemplateMiner()

    assert miner.learn("it is lost", scope="a").id != miner.learn("it is lost", scope="b").id
    assert miner.find("it is lost") is None


def test_words_in_a_gap_tell_lines_apart_until_it_had_too_many() -> None:
    miner = TemplateMiner()
    services = ["redis", "postgres", "kafka"]
    users = [f"user{a}{b}" for a in "abcde" for b in "vwxyz"]

    for word in services:
        miner.learn(f"cannot connect to {word} now")
    for word in users:
        miner.learn(f"cannot send mail to {word} now")

    assert {miner.learn(f"cannot connect to {word} now").names for word in services} == {(word,) for word in services}
    assert {miner.learn(f"cannot send mail to {word} now").names for word in users} == {()}


def test_words_with_signs_in_them_are_names_however_many_they_are() -> None:
    miner = TemplateMiner()
    hosts = [f"({a}{b}.example)" for a in "abcde" for b in "vwxyz"]

    for host in hosts:
        miner.learn(f"cannot connect to {host} now")

    assert {miner.learn(f"cannot connect to {host} now").names for host in hosts} == {(host,) for host in hosts}


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        ("<NUM>", "facade", ()),
        ("(<NUM>),", "(facade),", ()),
        ("ord_<NUM>", "ord_AbcDef", ()),
        ("(id)=(<NUM>)", "(name)=(<NUM>)", ("(name)=(<NUM>)",)),
        ("redis:<NUM>", "mysql:<NUM>", ("mysql:<NUM>",)),
    ],
)
def test_a_gap_is_a_variable_when_a_mask_stands_for_all_its_words(one: str, other: str, names: tuple[str, ...]) -> None:
    miner = TemplateMiner()
    miner.learn(f"blob {one} is missing")

    assert miner.learn(f"blob {other} is missing").names == names


def test_a_state_of_another_version_is_left_but_for_its_ids() -> None:
    miner = TemplateMiner.from_state({"version": 0, "next_id": 77, "clusters": "?"})

    assert miner.learn("anything").id == 77


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.timeout(30)
@pytest.mark.parametrize("start", ["", "cannot open "])
def test_thousands_of_lines_that_have_nothing_in_common_cost_seconds_at_most(start: str) -> None:
    night = random.Random(1)
    miner = TemplateMiner()
    for _ in range(5_000):
        miner.learn(start + " ".join("".join(night.choices("abcdefghijkl", k=6)) for _ in range(10)))

    assert len(miner) <= 5_000
