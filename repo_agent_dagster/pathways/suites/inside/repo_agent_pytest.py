"""A pytest plugin: a report for each process, how many tests were collected, and only those that are asked for.

It runs under the repository's own Python and pytest, so it keeps to what old ones know.
"""

import hashlib
import json
import os
import shutil
from typing import Any, Dict, List, Optional, Set  # Python 3.8 reads this, too

import pytest
import repo_agent_integrity  # type: ignore[import-not-found] # beside this file, on pytest's path

_REPORTS = os.environ["REPO_AGENT_REPORTS"]
_RUNNING = "REPO_AGENT_PYTEST_RUNS"
_sessions: List[str] = []
_wanted: Dict[str, Optional[str]] = {}
# A pytest that some test starts is no business of ours.
_is_nested = os.environ.get(_RUNNING, str(os.getpid())) != str(os.getpid())
# Before anything of the repository is loaded.
_untouched = repo_agent_integrity.functions()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Give each session a report of its own, so that a second pytest of one command leaves the first one's alone."""
    if _is_nested:
        config.option.xmlpath = None
        return
    os.environ[_RUNNING] = str(os.getpid())
    _sessions.append(os.path.join(_REPORTS, "pytest-{}-{}".format(os.getpid(), len(_sessions))))
    _wanted[_sessions[-1]] = getattr(config.option, "xmlpath", None)
    config.option.xmlpath = _sessions[-1] + ".xml"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: Any) -> None:
    """Tell what became of pytest meanwhile, and leave the report where the command itself wanted one."""
    if not _is_nested or hasattr(config, "workerinput"):
        session = os.path.basename(_sessions[-1]) if _sessions else "pytest-{}-0".format(os.environ[_RUNNING])
        _write(session + ".jsonl", {"runner": repo_agent_integrity.marks(config, _untouched)})
    made = config.option.xmlpath
    wanted = _wanted.get(made[:-4]) if made else None
    if wanted and not wanted.startswith(_REPORTS) and os.path.exists(made):
        shutil.copyfile(made, wanted)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: Any, items: List[Any]) -> None:
    """Leave out what is not asked for; what was left out counts as deselected."""
    only, shard = os.environ.get("REPO_AGENT_ONLY"), os.environ.get("REPO_AGENT_SHARD")
    if _is_nested and not hasattr(config, "workerinput"):
        return
    keep = list(items)
    if only:
        with open(only, encoding="utf-8") as file:
            ids = set(json.load(file))
        keep = [item for item in keep if ids & _names(item.nodeid)]
    if shard:
        part, parts = (int(number) for number in shard.split("/"))
        keep = [item for item in keep if _part(item.nodeid.split("::")[0], parts) == part]
    if len(keep) != len(items):
        kept = set(map(id, keep))
        config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = keep


def pytest_collection_finish(session: Any) -> None:
    """Tell how many tests there are to run: a report with fewer is incomplete."""
    if getattr(session.config.option, "collectonly", False):
        return
    worker = getattr(session.config, "workerinput", {}).get("workerid")
    if worker == "gw0":  # each worker of xdist collects all
        path = "pytest-{}-0.jsonl".format(os.environ[_RUNNING])
    elif worker is None and not _is_nested and getattr(session.config.option, "dist", "no") == "no":
        path = os.path.basename(_sessions[-1]) + ".jsonl"
    else:
        return
    _write(path, {"collected": len(session.items)})


def _write(name: str, line: Dict[str, Any]) -> None:
    with open(os.path.join(_REPORTS, name), "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _names(nodeid: str) -> Set[str]:
    """Return what a test is asked for by: its id, its id without parameters, its file."""
    return {nodeid, nodeid.split("[")[0], nodeid.split("::")[0]}


def _part(path: str, parts: int) -> int:
    return int(hashlib.sha256(path.encode()).hexdigest()[:8], 16) % parts + 1
