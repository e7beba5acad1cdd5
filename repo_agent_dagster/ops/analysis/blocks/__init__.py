"""Failure blocks: one small module for each tool, and the order in which they are asked."""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from types import ModuleType

from repo_agent_dagster.ops.analysis.blocks import (
    bundlers,
    containers,
    ctest,
    documentation,
    findings,
    go,
    jest,
    jvm,
    linters,
    mocha,
    node_packages,
    node_test,
    other_packages,
    other_suites,
    playwright,
    powershell,
    pytest,
    python_packages,
    rust,
    sanitizers,
    services,
    shell,
    ssh,
    traces,
    unittest,
    vitest,
)
from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, Reader
from repo_agent_dagster.ops.analysis.blocks.wrappers import Wrapper, wrapper

_log = logging.getLogger(__name__)

MAX_BLOCKS = 1000
"""Blocks that are kept of one reader."""

_SPECIFIC_FIRST: tuple[ModuleType, ...] = (
    *(pytest, unittest, vitest, playwright, jest, mocha, node_test, go, rust, jvm, sanitizers, other_suites, ctest),
    *(
        node_packages,
        python_packages,
        other_packages,
        documentation,
        powershell,
        findings,
        linters,
        bundlers,
        services,
        containers,
    ),
    *(traces, ssh, shell),
)

__all__ = ["Block", "Rank", "Reader", "Wrapper", "blocks_of", "wrapper"]


def blocks_of(texts: Sequence[str]) -> list[Block]:
    """Return the failure blocks of a step's lines, in order, none overlapping another.

    Where two readers claim the same lines, the one that knows the tool better has them. A reader that breaks on what a
    log holds loses its own blocks alone, and the program's log tells its name.
    """
    whole = "\n" + "\n".join(texts)
    claimed = bytearray(len(texts))
    found: list[Block] = []
    for module in _SPECIFIC_FIRST:
        if not any(hint in whole for hint in getattr(module, "HINTS", ("",))):
            continue
        for block in _blocks_by(module, texts):
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


def _blocks_by(module: ModuleType, texts: Sequence[str]) -> Iterable[Block]:
    """Return what one reader finds: of verdicts the first ones tell the most, of crashes the last ones.

    50,000 of either tell no more.
    """
    crashes = module in (traces, ssh, shell)
    kept: deque[Block] = deque(maxlen=MAX_BLOCKS)
    try:
        for block in module.read(texts) if crashes else islice(module.read(texts), MAX_BLOCKS):
            kept.append(_within(block, len(texts)))
    except Exception:  # noqa: BLE001
        # Logs are anybody's text: a reader that one of them breaks must not cost what the others find in it.
        _log.exception("The reader of failure blocks %s broke; its further blocks are left out", module.__name__)
    return kept


def _within(block: Block, lines: int) -> Block:
    """Return the block; one that reaches beyond the lines raises IndexError, as whatever uses it would."""
    if 0 <= block.start < block.end <= lines and block.picked and block.picked[-1] < lines:
        return block
    raise IndexError(f"a block from {block.start} to {block.end} of {lines} lines")
