"""What became of pytest itself while it ran: code under test runs in its process, and can change what it reports.

It runs under the repository's own Python and pytest, so it keeps to what old ones know. It finds what stays changed;
code that puts pytest back before the end is not found.
"""

import sys
import unittest  # noqa: F401 - loaded before the repository's own code, which may change it
from types import FunctionType, ModuleType
from typing import Any, Dict, Iterator, List, Tuple

_PACKAGES = ("_pytest.", "pluggy.", "unittest.case")
_OURS = (*_PACKAGES, "repo_agent_", "pytest_cov.")
ENDED = "ended pytest"
# Hooks that can turn a failure into something else, or leave tests out.
_HOOKS = (
    "pytest_collection_modifyitems",
    "pytest_itemcollected",
    "pytest_pyfunc_call",
    "pytest_runtest_call",
    "pytest_runtest_logreport",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_sessionfinish",
)


def functions() -> Dict[str, Any]:
    """Return every function and method of pytest that is loaded, by its name."""
    found: Dict[str, Any] = {}
    for name, module in list(sys.modules.items()):
        if isinstance(module, ModuleType) and name.startswith(_PACKAGES):
            found.update(_of_module(name, module))
    return found


def marks(config: Any, known: Dict[str, Any]) -> List[str]:
    """Return what was changed since `functions` gave `known`, and the plugins with a say in outcomes, sorted.

    That pytest came to its end is the first of them.
    """
    now = functions()
    changed = ["changed " + name for name, parts in known.items() if not _same(now.get(name, ()), parts)]
    return [ENDED, *sorted(changed + ["hook " + name for name in _hooks(config)])]


def _same(one: Tuple[Any, ...], other: Tuple[Any, ...]) -> bool:
    return len(one) == len(other) == 2 and one[0] is other[0] and one[1] is other[1]


def _of_module(name: str, module: ModuleType) -> Iterator[Tuple[str, Any]]:
    for key, value in list(vars(module).items()):
        if isinstance(value, FunctionType) and value.__module__ == name:
            yield name + "." + key, (value, value.__code__)
        elif isinstance(value, type) and value.__module__ == name:
            for method, inner in list(vars(value).items()):
                function = getattr(inner, "__func__", inner)
                if isinstance(function, FunctionType):
                    yield ".".join((name, key, method)), (inner, function.__code__)


def _hooks(config: Any) -> Iterator[str]:
    for hook in _HOOKS:
        caller = getattr(config.hook, hook, None)
        for implementation in caller.get_hookimpls() if caller is not None else ():
            place = getattr(implementation.function, "__module__", None) or "?"
            # A conftest is a file of the repository, which is looked at as such; coverage is measured by us.
            if place.split(".")[-1] != "conftest" and not place.startswith(_OURS):
                yield hook + " of " + place
