"""Twenty validations of a two-second suite, four at a time, beside a bare shell loop of ``docker run`` under xargs -P4.

    python -m benchmarks.validations [--tasks 20] [--at-once 4] [--seconds 2.0]

Both do the same work: a container for each, the repository in it, the suite before the patch, the patch, the suite
after it. The loop does it with ``git clone`` from a mounted bundle, ``git apply`` and the runner, and keeps nothing;
ours keeps every line and every test on record and judges. Printed: throughput, its ratio (bar: 0.6 × the loop's),
instances for each core and hour, and both again without the suite's own sleep, which leaves what the machinery costs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from repo_agent_dagster.cli.example_repo import commit_files
from repo_agent_dagster.contracts.tasks import Pathway, SolutionValidationPayload
from repo_agent_dagster.settings import Settings

BAR = 0.6
DIFF = """--- a/shop.py
+++ b/shop.py
@@ -1,2 +1,2 @@
 def total(prices):
-    return sum(prices[1:])
+    return sum(prices)
"""
_LOOP = """
git clone -q /bundle /workspace/repo 2>/dev/null && cd /workspace/repo
python3 -m pytest -q -p no:cacheprovider --junitxml=/tmp/before.xml >/dev/null
git apply /given/fix.diff
python3 -m pytest -q -p no:cacheprovider --junitxml=/tmp/after.xml >/dev/null
"""


def _files(seconds: float) -> dict[str, bytes]:
    return {
        "shop.py": b"def total(prices):\n    return sum(prices[1:])\n",
        "test_shop.py": (
            "import time\n\nfrom shop import total\n\n\ndef test_total():\n"
            f"    time.sleep({seconds})\n    assert total([1, 2]) == 3\n\n\n"
            "def test_empty():\n    assert total([]) == 0\n"
        ).encode(),
    }


def _validate(arguments: tuple[str, float]) -> str:
    url, _ = arguments
    from repo_agent_dagster.pathways.in_process import carry_out, take_now
    from repo_agent_dagster.store.revision import open_upgraded

    settings = Settings()
    engine = open_upgraded(settings.store_url)
    payload = SolutionValidationPayload(repo_url=url, diff=DIFF, reruns=0)
    result = carry_out(settings, engine, take_now(engine, Pathway.SOLUTION_VALIDATION, payload), payload)
    return result.verdict.value


def ours(url: str, tasks: int, at_once: int) -> float:
    """Return the seconds that our validations take; each must say `fixed`."""
    with ProcessPoolExecutor(at_once) as pool:
        list(pool.map(_ready, range(at_once)))  # loading Python is not the work of a task
        start = time.perf_counter()
        verdicts = list(pool.map(_validate, [(url, 0.0)] * tasks))
        seconds = time.perf_counter() - start
    assert verdicts == ["fixed"] * tasks, verdicts
    return seconds


def _ready(_number: int) -> None:
    import docker

    from repo_agent_dagster.pathways import in_process
    from repo_agent_dagster.pathways.validation import steps

    assert docker
    assert in_process
    assert steps
    time.sleep(0.5)  # so that every process of the pool takes one


def loop(work: Path, image: str, tasks: int, at_once: int) -> float:
    """Return the seconds that the shell loop takes."""
    command = (
        f"seq {tasks} | xargs -P{at_once} -I@ docker run --rm --network none --memory 2g --pids-limit 256 --cpus 1 "
        f"--cap-drop ALL --security-opt no-new-privileges --read-only --tmpfs /workspace:uid=1000,exec --tmpfs /tmp "
        f"--tmpfs /home/agent:uid=1000 -v {work}/bundle:/bundle:ro -v {work}:/given:ro {image} bash -c '{_LOOP}'"
    )
    start = time.perf_counter()
    subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(work: Path, settings: Settings, seconds: float, tasks: int, at_once: int) -> None:
    """Print both throughputs for a suite that sleeps so long."""
    repository = work / f"repo-{seconds:g}"
    commit_files(repository, _files(seconds), now=datetime.now(UTC), message="With a bug")
    here = work / f"loop-{seconds:g}"
    here.mkdir()
    subprocess.run(["git", "-C", str(repository), "bundle", "create", "-q", str(here / "bundle"), "--all"], check=True)
    (here / "fix.diff").write_text(DIFF)
    ours(repository.as_uri(), at_once, at_once)  # the mirror is made
    plain = loop(here, settings.sandbox_image, tasks, at_once)
    mine = ours(repository.as_uri(), tasks, at_once)
    cores = os.cpu_count() or 1
    for name, taken in (("docker run under xargs", plain), ("validations", mine)):
        per_hour = 3600 * tasks / taken
        print(f"{name:26} {taken:6.1f} s   {per_hour:7.0f} an hour   {per_hour / cores:6.0f} an hour and core")
    share = plain / mine
    bar = f"   bar {BAR}: {'met' if share >= BAR else 'NOT met'}" if seconds else ""
    print(
        f"throughput, a suite of {seconds:g} s twice, {at_once} at a time on {cores} cores: {share:.2f} × the loop{bar}"
    )


def main() -> int:
    """Measure and print; exit code 1 when no engine answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    from repo_agent_dagster.sandbox import ensure_image, why_no_engine

    reason = why_no_engine()
    if reason is not None:
        print(f"no Docker engine: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="repo-agent-benchmark-") as name:
        work = Path(name)
        work.chmod(0o755)
        os.environ["REPO_AGENT_HOME"] = str(work / "home")
        os.environ["REPO_AGENT_REPO_PROTOCOLS"] = "file"
        settings = Settings()
        ensure_image(settings.home, tag=settings.sandbox_image, base_image=settings.base_image)
        for seconds in (arguments.seconds, 0.0):
            measure(work, settings, seconds, arguments.tasks, arguments.at_once)
    return 0


if __name__ == "__main__":
    sys.exit(main())
