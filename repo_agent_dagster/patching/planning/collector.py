"""The garbage collector and batches: a batch makes many objects that live until it ends, and hardly a cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Pause the collector inside the block: it would look through all objects of the process, and find none to free.

    In a process that has loaded much, one full collection takes longer than a small batch. Nested and concurrent uses
    are harmless: whoever found the collector at work starts it again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
