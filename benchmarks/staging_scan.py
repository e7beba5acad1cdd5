"""One tick of the STAGING sensor's look at 1,000 units with 100,000 files, held to 2 seconds.

    python -m benchmarks.staging_scan [--units 1000] [--files 100] [--rounds 5]

Measured, each in turn in every round: a tick where nothing changed, one where a file of ten units changed, and a look
that knows no hashes and reads everything. Peers over the same tree: ``find -printf``, which asks the file system the
same questions and remembers nothing, and ``git status``, which remembers time stamps in its index as we do. A tick is
the scan, the watch's judgement and its memory through JSON, as the sensor does them; Dagster's own work is not in it.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._contest import CHILDREN, OURS, Times, folder_for_trees, ratio
from repo_agent_dagster.migration.units import watch_memory
from repo_agent_dagster.migration.units.known_hashes import KnownHashes
from repo_agent_dagster.migration.units.scan import Look, StagingUnit, scan_staging
from repo_agent_dagster.migration.units.watching import Watch

LIMIT_SECONDS = 2.0
FILES_A_FOLDER = 10
CHANGED_UNITS = 10


def write_units(staging: Path, units: int, files: int) -> None:
    """Write units of small TypeScript files, ten a folder, each with its manifest."""
    for number in range(units):
        unit = staging / f"unit-{number:04}"
        for index in range(files - 1):
            folder = unit / f"src{index // FILES_A_FOLDER}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"file{index}.ts").write_text(f"export const value{index} = {number};\n" * 20)
        (unit / "migration-manifest.yaml").write_text(f"unit: unit-{number:04}\ndestination: apps/unit-{number:04}\n")


class Ticks:
    """Ticks of a sensor that remembers, in a process of its own for each STAGING folder."""

    def __init__(self, staging: Path, cache: Path) -> None:
        self._known = KnownHashes(cache, staging)
        self._watch = Watch(staging, 10, lambda _unit, _digest: False, units_a_round=10**6)
        self._staging = staging
        self.cursor = "{}"

    def tick(self) -> list[StagingUnit]:
        """Look once, as the sensor does, with the cursor in and out."""
        units = scan_staging(self._staging, Look(self._known))
        seen = watch_memory.from_json(json.loads(self.cursor))
        found = self._watch.look(units, seen, now=datetime.now(UTC))
        self.cursor = json.dumps(watch_memory.to_json(found.watched), separators=(",", ":"))
        return units

    def hand_all_on(self) -> None:
        """Go to the steady state: every unit settled long ago and was handed on."""
        units = self.tick()
        self.cursor = json.dumps({unit.name: unit.digest[:16] for unit in units}, separators=(",", ":"))
        self.tick()


def _quiet(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _change(staging: Path, number: int) -> None:
    for unit in range(CHANGED_UNITS):
        (staging / f"unit-{unit:04}" / "src0" / "file0.ts").write_text(f"export const changed = {number};\n")


def measure(work: Path, arguments: argparse.Namespace) -> None:
    """Print the numbers, and whether the median tick kept within the limit."""
    staging = work / "STAGING"
    write_units(staging, arguments.units, arguments.files)
    _quiet("git", "init", "-q", str(staging))()
    _quiet("git", "-C", str(staging), "add", ".")()
    time.sleep(2.5)  # files younger than two seconds are read again: that is measured by the changed ones
    ticks = Ticks(staging, work / "cache")
    steady, changed = Times("tick, nothing changed"), Times(f"tick, {CHANGED_UNITS} units changed")
    first, find, status = Times("look without kept hashes"), Times("find -printf"), Times("git status")
    ticks.hand_all_on()
    for number in range(arguments.rounds):
        steady.add(ticks.tick, OURS)
        find.add(_quiet("find", str(staging), "-type", "f", "-printf", "%s %T@ %C@ %i %m %p\\n"), CHILDREN)
        status.add(_quiet("git", "-C", str(staging), "status", "--porcelain"), CHILDREN)
        first.add(lambda: scan_staging(staging), OURS)
        _change(staging, number)
        changed.add(ticks.tick, OURS)
        time.sleep(2.5)
        ticks.tick()  # what changed is old enough now to be kept
    for times in (steady, changed, first, find, status):
        print(times)
    print(ratio(steady, find))
    print(ratio(steady, status))
    for times in (steady, changed):
        verdict = "met" if statistics.median(times.wall) <= LIMIT_SECONDS else "NOT met"
        print(f"{times.name}: limit {LIMIT_SECONDS:g} s: {verdict}")
    print(f"cursor {len(ticks.cursor) / 1024:.0f} KiB, peak memory {_peak_mb():.0f} MiB")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure; a slow result is no failure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--files", type=int, default=100, help="files a unit, its manifest among them")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{arguments.units:,} units with {arguments.units * arguments.files:,} files")
    with folder_for_trees("staging-scan-") as work:
        measure(work, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
