"""Run candidates in the sandbox, each on the clone as its commit has it, without network, within its time."""

import shlex
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.recreation.candidates import Candidate
from repo_agent_dagster.pathways.recreation.reading.shown_errors import ShownError, shown_errors
from repo_agent_dagster.pathways.setup.environment import TEST_ENVIRONMENT
from repo_agent_dagster.pathways.suites.detection import SCRATCH

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MOST_SECONDS = 120.0
"""No candidate runs longer, whatever the task's time-out is: there are many."""

HANG_SECONDS = 15.0
"""How long a candidate may take before it counts as hanging, where the description says that it hangs."""

SCRIPT = "repo_agent_repro"
NAMED_FILES = f"{SCRATCH}/recreation/files"
_CLONE_DAMAGED = 97
_STARTS = 128

# Every run finds the clone as it was committed: candidates write files, and the next one must not see them.
_RUN = f"""
fail() {{ echo "repo-agent: cannot $1" >&2; exit {_CLONE_DAMAGED}; }}
cd -- "$1" || fail "enter the clone"
git reset --quiet --hard "$2" || fail "reset the clone"
git clean --quiet --force -d --exclude=node_modules --exclude='*.egg-info' --exclude='*.so' || fail "clean the clone"
cd -- "$3" || fail "enter the folder"
if [ -d "$4" ]; then cp -R -n -- "$4/." . || fail "write the files of the description"; fi
if [ -n "$5" ]; then mkdir -p -- "$(dirname -- "$5")" && cat > "$5" || fail "write the script"; fi
if [ -n "$6" ] && [ ! -e "node_modules/$6" ]; then
  mkdir -p -- "$(dirname -- "node_modules/$6")" && ln -s -- "$3" "node_modules/$6" || fail "link the package"
fi
shift 6
exec "$@" < /dev/null
"""


class CloneDamaged(PermanentFault):
    """The clone in the sandbox cannot be brought back to its commit: a candidate or the set-up broke it."""


@dataclass(frozen=True)
class Observation:
    """What one run gave. `signal` is the name of the signal that ended it, empty where none did."""

    command: str
    exit_code: int | None
    timed_out: bool
    seconds: float
    output: str
    errors: tuple[ShownError, ...]
    signal: str = ""


@dataclass(frozen=True)
class Place:
    """Where candidates run: the clone's root, the folder of it that is worked on, its commit, the package to link."""

    root: str
    path: str
    commit: str
    node_package: str = ""


class Runner:
    """Runs candidates in one sandbox; counts runs and seconds, for there is a budget of both."""

    def __init__(
        self, box: "Sandbox", place: Place, *, timeout_seconds: float, env: Mapping[str, str] | None = None
    ) -> None:
        self.place = place
        self.timeout_seconds = min(timeout_seconds, MOST_SECONDS)
        self.runs = 0
        self.seconds = 0.0
        self._box = box
        self._env = {
            **TEST_ENVIRONMENT,
            **(env or {}),
            "PYTHONPATH": f"{place.path}:{place.path}/src",
            # Sources change below the same names from run to run; stale byte code would hide it.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self._written: Mapping[str, str] = {}

    def at(self, commit: str) -> "Runner":
        """Return a runner on another commit of the same clone."""
        place = Place(self.place.root, self.place.path, commit, self.place.node_package)
        return Runner(self._box, place, timeout_seconds=self.timeout_seconds, env=self._env)

    def run(self, candidate: Candidate, *, timeout_seconds: float | None = None) -> Observation:
        """Run a candidate once; however it ends is told, not raised.

        Raises:
            CloneDamaged: the clone could not be made ready for it.
        """
        self._write_named(candidate.files)
        file = script_file(candidate)
        return self.run_file(file, candidate.text if file else "", argv_of(candidate), timeout_seconds=timeout_seconds)

    def run_file(
        self, file: str, text: str, argv: Sequence[str], *, timeout_seconds: float | None = None
    ) -> Observation:
        """Run a command after writing a file (an empty name: none) into the folder that is worked on.

        Raises:
            CloneDamaged: the clone could not be made ready for it.
        """
        place = self.place
        prepared = ["bash", "-c", _RUN, "run", place.root, place.commit, place.path, NAMED_FILES, file]
        limit = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        began = time.monotonic()
        result = self._box.exec(
            [*prepared, place.node_package, *argv],
            cwd=place.root,
            env=self._env,
            timeout_seconds=limit,
            stdin=text.encode("utf-8", "replace"),
        )
        self.runs += 1
        self.seconds += time.monotonic() - began
        if result.exit_code == _CLONE_DAMAGED and "repo-agent: cannot" in result.output:
            raise CloneDamaged(f"a candidate or the set-up left {place.root} unusable: {result.output.strip()[-500:]}")
        return Observation(
            command=shlex.join(argv),
            exit_code=result.exit_code,
            timed_out=result.timed_out,
            seconds=result.duration_seconds,
            output=result.output,
            errors=tuple(shown_errors(result.output)),
            signal=_signal(result.exit_code),
        )

    def _write_named(self, named: Mapping[str, str]) -> None:
        if named != self._written:
            self._box.put({name: text.encode("utf-8", "replace") for name, text in named.items()}, NAMED_FILES)
            self._written = named


def script_file(candidate: Candidate) -> str:
    """Return the file that a candidate is written to, empty where it is a test that the repository has."""
    if candidate.kind == "test":
        if not candidate.suffix:
            return ""
        return f"test_{SCRIPT}.py" if candidate.suffix == ".py" else f"{SCRIPT}.test{candidate.suffix}"
    return f"{SCRIPT}{candidate.suffix}"


def argv_of(candidate: Candidate) -> list[str]:
    """Return the command that runs a candidate."""
    target = script_file(candidate) or candidate.text
    if candidate.kind == "test":
        return argv_of_test(target)
    return [{"python": "python3", "node": "node", "shell": "bash"}[candidate.kind], target]


def argv_of_test(target: str) -> list[str]:
    """Return the command that runs a test file, or one test of it; Python's tracebacks are shown as Python does."""
    if ".py" in target:
        return ["python3", "-m", "pytest", "--tb=native", "-p", "no:cacheprovider", target]
    return ["node", "--test", target]


def _signal(exit_code: int | None) -> str:
    if exit_code is None or _STARTS >= exit_code >= 0:
        return ""
    try:
        return signal.Signals(exit_code - _STARTS if exit_code > 0 else -exit_code).name
    except ValueError:
        return ""
