"""The files whose tests take longest come first, so that the workers of a distributed session end at about one time.

A file is done by one worker (`--dist loadfile`). Begun last, one of a minute leaves the other workers idle for it, and
xdist's own order, most tests first, puts just such files last. Run with ``--no-loadscope-reorder``, or it still does.
"""

import pytest

LONGEST = (
    "tests/sandbox/images/test_building.py",
    "tests/pathways/patch_checks/",
    "tests/patching/test_crash",
    "tests/ops/scanning/test_killed_scans.py",
    "tests/migration/steps/",
    "tests/migration/checks/",
    "tests/migration/refactor/behaviour/",
    "tests/patching/test_stateful.py",
    "tests/patching/test_reference.py",
    "tests/pathways/",
    "tests/sandbox/",
    "tests/wiring/",
    "tests/cli/",
    "tests/reports/",
    "tests/ops/test_hostile_logs.py",
    "tests/ops/issues/",
    "tests/store/",
)
"""Beginnings of paths, longest first; what is not named comes after them, as it was collected."""


def _place(item: pytest.Item) -> int:
    return next((n for n, beginning in enumerate(LONGEST) if item.nodeid.startswith(beginning)), len(LONGEST))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)  # stable: within a file, and where nothing is told, the order stays
