"""Tests marked `no_cover` run without the coverage tracer: what they go through is traced in other tests.

pytest-cov's own mark does that, but in a worker of a distributed session it has started coverage twice, and pausing the
one gives its place to the other.
"""

import sys
import threading
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    if item.get_closest_marker("no_cover") is None:
        return (yield)
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(of_threads)
        sys.settrace(tracer)
