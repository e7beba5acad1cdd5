"""Drain's tree of fixed depth: which clusters a line is compared with, by its number of words and its first words."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

GAP = "<*>"
"""Stands for a word that varies, in templates and in paths."""

_VARYING = re.compile(r"[0-9]|<[A-Z*]")

ClusterT = TypeVar("ClusterT")


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a cluster is: its scope, its number of words, and the first words that lead there, or ``<*>``."""

    scope: str
    length: int
    keys: tuple[str, ...]


class PathTree(Generic[ClusterT]):
    """Leaves with their clusters. The tree is what its clusters' leaves make of it, so it can be built from them again.

    A word with a digit or a mask, and one that comes after `max_children` others, leads the way of ``<*>``.
    """

    def __init__(self, depth: int, max_children: int) -> None:
        self._depth = depth
        self._max_children = max_children
        self._leaves: dict[Leaf, list[ClusterT]] = {}
        self._children: dict[Leaf, Counter[str]] = {}  # of each inner node: how many clusters lie below each child

    def clusters(self, leaf: Leaf) -> Sequence[ClusterT]:
        """Return the leaf's clusters, the oldest first."""
        return self._leaves.get(leaf, ())

    def find(self, scope: str, words: Sequence[str]) -> Leaf | None:
        """Return the leaf that a line is searched in, or None where no way leads."""
        node = Leaf(scope, len(words), ())
        for word in words[: self._depth]:
            children = self._children.get(node)
            if children is None:
                return None
            key = word if word in children else GAP
            if key not in children:
                return None
            node = Leaf(scope, node.length, (*node.keys, key))
        return node if node in self._leaves else None

    def leaves(self, scope: str, words: Sequence[str]) -> list[Leaf]:
        """Return all leaves that a line may have been put into: ``<*>`` may have been taken for want of a word's way.

        They are at most two to the power of the tree's inner depth.
        """
        nodes = [Leaf(scope, len(words), ())]
        for word in words[: self._depth]:
            nodes = [
                Leaf(scope, node.length, (*node.keys, key))
                for node in nodes
                for key in (word, GAP)
                if key in self._children.get(node, ())
            ]
        return [node for node in nodes if node in self._leaves]

    def make_leaf(self, scope: str, words: Sequence[str]) -> Leaf:
        """Return the leaf that a line's new cluster goes into."""
        node = Leaf(scope, len(words), ())
        for word in words[: self._depth]:
            children = self._children.get(node, Counter())
            key = word if word in children or self._has_room(children, word) else GAP
            node = Leaf(scope, node.length, (*node.keys, key))
        return node

    def add(self, leaf: Leaf, cluster: ClusterT) -> None:
        """Put a cluster into a leaf, and make the way to it."""
        self._leaves.setdefault(leaf, []).append(cluster)
        for parent, key in _way(leaf):
            self._children.setdefault(parent, Counter())[key] += 1

    def remove(self, leaf: Leaf, cluster: ClusterT) -> None:
        """Take a cluster out, and what of the way to it leads nowhere else."""
        self._leaves[leaf].remove(cluster)
        if not self._leaves[leaf]:
            del self._leaves[leaf]
        for parent, key in _way(leaf):
            children = self._children[parent]
            children[key] -= 1
            if not children[key]:
                del children[key]
            if not children:
                del self._children[parent]

    def _has_room(self, children: Counter[str], word: str) -> bool:
        if varies(word):
            return False
        return len(children) - (GAP in children) < self._max_children - 1


def varies(word: str) -> bool:
    """Return whether a word is likely to be another one next time: it holds a digit, or a mask."""
    return _VARYING.search(word) is not None


def _way(leaf: Leaf) -> list[tuple[Leaf, str]]:
    return [(Leaf(leaf.scope, leaf.length, leaf.keys[:depth]), key) for depth, key in enumerate(leaf.keys)]
