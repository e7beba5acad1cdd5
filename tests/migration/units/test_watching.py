"""What a watch of STAGING does with what it sees, on real folders and a clock that is handed in."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.migration import scan_staging
from repo_agent_dagster.migration.units import watch_memory
from repo_agent_dagster.migration.units.waiting import circles
from repo_agent_dagster.migration.units.watching import Round, Watch, Watched
from tests.migration.conftest import write_tree

NAMES = st.text("abc", min_size=1, max_size=2)


class Bench:
    """A STAGING folder, looked at again and again; `migrated` is what arrived at the target."""

    def __init__(self, staging: Path, now: datetime) -> None:
        self.staging = staging
        self.now = now
        self.seen: dict[str, Watched] = {}
        self.migrated: set[str] = set()
        self.units_a_round = 100

    def put(self, name: str, *, after: str = "[]", unit: str = "", text: str = "1") -> None:
        manifest = f"unit: {unit or name}\ndestination: {name}\nafter: {after}\n"
        write_tree(self.staging / name, {"migration-manifest.yaml": manifest, "a": text})

    def look(self, *, after_seconds: float = 10) -> Round:
        self.now += timedelta(seconds=after_seconds)
        watch = Watch(self.staging, 10, lambda unit, _digest: unit in self.migrated, self.units_a_round)
        found = watch.look(scan_staging(self.staging), self.seen, now=self.now)
        # As the sensor does it: what is remembered goes through the cursor.
        self.seen = watch_memory.from_json(watch_memory.to_json(found.watched))
        return found

    def settle(self) -> Round:
        self.look()
        return self.look()


def ready(found: Round) -> list[str]:
    return [one.unit.name for one in found.ready]


@pytest.fixture
def bench(tmp_path: Path, now: datetime) -> Bench:
    return Bench(tmp_path / "STAGING", now)


def test_a_content_is_handed_on_once_and_a_new_one_again(bench: Bench) -> None:
    bench.put("web")
    assert [ready(bench.look(after_seconds=6)) for _ in range(4)] == [[], [], ["web"], []]
    bench.put("web", text="2")
    assert [ready(bench.look(after_seconds=6)) for _ in range(4)] == [[], [], ["web"], []]


def test_a_file_that_is_touched_again_and_again_does_not_keep_a_unit_from_settling(bench: Bench) -> None:
    bench.put("web")
    for _ in range(2):
        bench.look(after_seconds=5)
        (bench.staging / "web" / "a").touch()
    assert ready(bench.look(after_seconds=5)) == ["web"]


def test_a_partial_file_that_goes_away_starts_the_time_anew(bench: Bench) -> None:
    bench.put("web")
    partial = bench.staging / "web" / "b.part"
    partial.touch()
    bench.look()
    bench.look()
    partial.unlink()
    assert ready(bench.look()) == []
    assert ready(bench.look()) == ["web"]


def test_an_empty_folder_is_waited_for_and_no_manifest_is_missed(bench: Bench) -> None:
    (bench.staging / "web").mkdir(parents=True)
    bench.settle()
    assert bench.settle().names("changing") == ["web"]


def test_more_units_than_a_round_takes_are_handed_on_in_the_next(bench: Bench) -> None:
    bench.units_a_round = 2
    for name in "abc":
        bench.put(name)
    assert [ready(bench.settle()), ready(bench.look())] == [["a", "b"], ["c"]]


def test_what_comes_after_units_that_are_not_here_waits_until_they_were_migrated_once(bench: Bench) -> None:
    bench.put("web", after="[lib]")
    (told,) = bench.settle().newly_waiting
    assert told.reason == "waits for lib, which is not in STAGING and was never migrated"
    bench.migrated.add("lib")
    assert ready(bench.look()) == ["web"]


def test_a_chain_is_handed_on_link_by_link(bench: Bench) -> None:
    bench.put("c", after="[b]")
    bench.put("b", after="[a]")
    bench.put("a")
    bench.look()
    handed_on = []
    for _ in range(4):
        handed_on.append(ready(bench.look()))
        bench.migrated.update(handed_on[-1])
    assert handed_on == [["a"], ["b"], ["c"], []]


def test_a_unit_that_waits_for_a_broken_one_says_so(bench: Bench) -> None:
    bench.put("web", after="[lib]")
    write_tree(bench.staging / "lib", {"migration-manifest.yaml": "unit: ["})
    found = bench.settle()
    assert [trouble.unit.name for trouble in found.troubles] == ["lib"]
    assert [told.reason for told in found.newly_waiting] == ["waits for lib, which is broken"]


def test_a_unit_that_waits_for_itself_and_one_that_waits_for_it_are_told_apart(bench: Bench) -> None:
    bench.put("a", after="[a]")
    bench.put("b", after="[a]")
    found = bench.settle()
    assert [(told.unit.name, told.reason) for told in found.troubles] == [
        ("a", "waits for itself: after: goes a → a; take one of these out of its manifest")
    ]
    assert [told.reason for told in found.newly_waiting] == ["waits for a, which is waiting for itself"]
    assert (bench.look().troubles, bench.look().newly_waiting) == ((), ())


def test_of_two_folders_with_one_unit_the_second_waits(bench: Bench) -> None:
    bench.put("one", unit="web")
    bench.put("two", unit="web")
    found = bench.settle()
    assert ready(found) == ["one"]
    assert [told.reason for told in found.newly_waiting] == ["waits for one to go, which has the unit web, too"]


def test_a_manifest_that_vanishes_while_the_unit_waits_is_a_trouble_and_no_crash(bench: Bench) -> None:
    bench.put("web", after="[lib]")
    bench.settle()
    bench.migrated.add("lib")
    units = scan_staging(bench.staging)
    (bench.staging / "web" / "migration-manifest.yaml").unlink()
    found = Watch(bench.staging, 10, lambda *_: True).look(units, bench.seen, now=bench.now)
    assert ready(found) == []
    assert "has no manifest" in found.troubles[0].reason


@pytest.mark.parametrize("damaged", [None, [], 7, "web", {"web": 1}, {"web": {"digest": "0"}}, {"web": {"since": "x"}}])
def test_a_memory_that_is_damaged_is_refused(damaged: object) -> None:
    with pytest.raises(ValueError, match="validation error"):
        watch_memory.from_json(damaged)


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=3), max_size=6))
def test_a_unit_is_in_a_circle_exactly_if_a_way_leads_from_it_to_it(waits_for: dict[str, list[str]]) -> None:
    reached = {unit: set(others) for unit, others in waits_for.items()}
    for _ in range(len(waits_for) + 1):
        for others in reached.values():
            others.update(*(reached.get(other, set()) for other in set(others)))
    found = circles(waits_for)
    assert set(found) == {unit for unit in waits_for if unit in reached[unit]}
    for unit, way in found.items():
        assert way[0] == way[-1] == unit
        assert all(later in waits_for[earlier] for earlier, later in pairwise(way))
