"""Failure blocks: one small module for each tool, and the order in which they are asked."""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from types import ModuleType

from repo_agent_dagster.ops.analysis.blocks import (
    bundlers,
    containers,
    findings,
    go,
    jest,
    jvm,
    linters,
    mocha,
    node_packages,
    node_test,
    other_suites,
    playwright,
    pytest,
    python_packages,
    rust,
    shell,
    traces,
    unittest,
    vitest,
)
from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, Reader
from repo_agent_dagster.ops.analysis.blocks.wrappers import Wrapper, wrapper

MAX_BLOCKS = 1000
"""Blocks that are kept of one reader."""

_SPECIFIC_FIRST: tuple[ModuleType, ...] = (
    *(pytest, unittest, vitest, playwright, jest, mocha, node_test, go, rust, jvm, other_suites),
    *(node_packages, python_packages, findings, linters, bundlers, containers, traces, shell),
)

__all__ = ["Block", "Rank", "Reader", "Wrapper", "blocks_of", "wrapper"]


def blocks_of(texts: Sequence[str]) -> list[Block]:
    """Return the failure blocks of a step's lines, in order, none overlapping another.

    Where two readers claim the same lines, the one that knows the tool better has them.
    """
    whole = "\n" + "\n".join(texts)
    claimed = bytearray(len(texts))
    found: list[Block] = []
    for module in _SPECIFIC_FIRST:
        if not any(hint in whole for hint in getattr(module, "HINTS", ("",))):
            continue
        # Of verdicts the first ones tell the most, of crashes the last ones; 50,000 of either tell no more.
        read = module.read(texts)
        crashes = module in (traces, shell)
        for block in deque(read, maxlen=MAX_BLOCKS) if crashes else islice(read, MAX_BLOCKS):
            if len(block.picked) == 1 and not block.test and wrapper(texts[block.picked[0]]) is not None:
                continue  # it only tells that something failed
            own = [index for index in block.picked if not claimed[index]]
            if len(own) * 2 <= len(block.picked):
                continue
            found.append(block)
        for block in found:
            claimed[block.start : block.end] = b"\x01" * (block.end - block.start)
            for index in block.picked:
                claimed[index] = 1
    return sorted(found, key=lambda block: (block.picked[0], block.start))
