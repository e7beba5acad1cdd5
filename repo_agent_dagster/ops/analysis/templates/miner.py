"""A miner of templates: lines that differ in few words only are one cluster, which keeps its id for ever.

The algorithm is Drain's: P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth
Tree", ICWS 2017. A line's leaf is found by its number of words and its first words; in the leaf it joins the cluster
whose template it is most like, if enough words are the same, and the words that differ become ``<*>``.

What is added to it here:

- a line that was seen is found again in a dictionary, so that repetitive logs cost no search;
- a template that covers a line wholly takes it before one that is only alike: what was joined once stays joined;
- lines of different scopes never share a cluster;
- there are at most `max_clusters`: the one that was not seen for longest goes. Ids are never used again;
- a cluster knows the first words of each of its gaps. A gap with few words tells things apart (``redis``,
  ``postgres``), one with many plain words, or with words like ``ord_<NUM>`` and ``ord_abc``, is a variable;
  `Template.names` are a line's words in gaps of the first kind.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from operator import eq
from typing import Any

from repo_agent_dagster.ops.analysis.templates.tree import GAP, Leaf, PathTree

FEW_WORDS = 20
"""A gap that had more different words is a variable: services, regions and reasons are fewer, users are more."""

MAX_CLUSTERS = 5_000
"""So many clusters of a source are kept."""

MAX_WORDS = 120
"""So many words of a line are looked at."""

_MASK = re.compile(r"([^<]*)<[A-Z]+>([^>]*)")
_KEPT_OF_A_WORD = 40  # it bounds the state, which is written every night
_MAX_REMEMBERED = 100_000
_STATE_VERSION = 1

MAX_PER_LEAF = 300
"""So many clusters begin with the same words and are of one length; the one that was not seen for longest goes. It
bounds what a line is compared with, where a night brings thousands of lines that have nothing else in common."""


@dataclass(frozen=True, slots=True)
class Template:
    """What a line's cluster has in common. `names` are the line's own words where the cluster has had only few."""

    id: int
    text: str
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Cluster:
    id: int
    leaf: Leaf
    words: list[str]
    gaps: dict[int, list[str]] = field(default_factory=dict)
    seen: int = 0

    def covers(self, words: list[str]) -> bool:
        if not self.gaps:
            return self.words == words
        return all(own in (GAP, word) for own, word in zip(self.words, words, strict=True))

    def absorb(self, words: list[str]) -> None:
        for position, word in enumerate(words):
            own = self.words[position]
            if own == word:
                continue
            if own != GAP:
                self.gaps[position] = [own[:_KEPT_OF_A_WORD]]
                self.words[position] = GAP
            known = self.gaps[position]
            if len(known) <= FEW_WORDS and (start := word[:_KEPT_OF_A_WORD]) not in known:
                known.append(start)

    def template(self, words: list[str]) -> Template:
        names = tuple(words[position] for position in sorted(self.gaps) if not _is_variable(self.gaps[position]))
        return Template(self.id, " ".join(self.words), names)


class TemplateMiner:
    """Clusters of lines, learnt online; `to_state` and `from_state` carry them from one scan to the next.

    Lines are to be masked (`masking.pattern`). `similarity` is the least share of equal words of a line that joins a
    template, `depth` and `max_children` are the tree's, as in the paper; the values are those that it recommends.
    """

    def __init__(
        self, *, depth: int = 4, similarity: float = 0.4, max_children: int = 100, max_clusters: int = MAX_CLUSTERS
    ) -> None:
        self._options: dict[str, Any] = {"depth": depth, "similarity": similarity, "max_children": max_children}
        self._similarity = similarity
        self._max_clusters = max_clusters
        self._tree: PathTree[_Cluster] = PathTree(depth - 2, max_children)
        self._clusters: dict[int, _Cluster] = {}  # the one that was not seen for longest comes first
        self._seen: dict[tuple[str, str], _Cluster] = {}
        self._next_id = 1
        self._clock = 0

    def __len__(self) -> int:
        """Return the number of clusters."""
        return len(self._clusters)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield id and text of each template, that of the cluster not seen for longest first."""
        for cluster in self._clusters.values():
            yield cluster.id, " ".join(cluster.words)

    def learn(self, masked_line: str, *, scope: str = "") -> Template:
        """Put a line into the cluster it belongs to, or a new one, and return that cluster's template."""
        cluster, words = self._learned(masked_line, scope)
        return cluster.template(words)

    def learn_id(self, masked_line: str, *, scope: str = "") -> int:
        """Put a line into a cluster, as `learn` does, and return the cluster's id alone, which is quicker."""
        cluster = self._seen.get((scope, masked_line))
        if cluster is not None and cluster.id in self._clusters:
            self._touch(cluster)
            return cluster.id
        return self._learned(masked_line, scope)[0].id

    def find(self, masked_line: str, *, scope: str = "") -> Template | None:
        """Return the template that covers a line, without learning from it, or None."""
        words = _words(masked_line)
        cluster = self._seen.get((scope, masked_line))
        if cluster is None or cluster.id not in self._clusters:
            cluster = self._covering(scope, words)
        return None if cluster is None else cluster.template(words)

    def _learned(self, line: str, scope: str) -> tuple[_Cluster, list[str]]:
        words = _words(line)
        cluster = self._seen.get((scope, line))
        if cluster is not None and cluster.id in self._clusters:
            self._touch(cluster)
            return cluster, words
        cluster = self._covering(scope, words) or self._alike(scope, words)
        if cluster is None:
            cluster = self._new(scope, words)
        else:
            self._touch(cluster)
            cluster.absorb(words)
        if len(self._seen) >= _MAX_REMEMBERED:
            self._seen.clear()
        self._seen[scope, line] = cluster
        return cluster, words

    def _covering(self, scope: str, words: list[str]) -> _Cluster | None:
        leaves = self._tree.leaves(scope, words)
        covering = [cluster for leaf in leaves for cluster in self._tree.clusters(leaf) if cluster.covers(words)]
        return min(covering, key=lambda cluster: (len(cluster.gaps), cluster.id), default=None)

    def _alike(self, scope: str, words: list[str]) -> _Cluster | None:
        best, best_rank = None, (self._similarity * len(words), -1)
        leaf = self._tree.find(scope, words)
        for cluster in () if leaf is None else self._tree.clusters(leaf):
            same = sum(map(eq, cluster.words, words))
            # As in the paper; of two that are as much alike, the one with more gaps is the more general.
            if (rank := (same, len(cluster.gaps))) > best_rank:
                best, best_rank = cluster, rank
        return best

    def _new(self, scope: str, words: list[str]) -> _Cluster:
        if len(self._clusters) >= self._max_clusters:
            self._forget(next(iter(self._clusters.values())))
        leaf = self._tree.make_leaf(scope, words)
        if len(beside := self._tree.clusters(leaf)) >= MAX_PER_LEAF:
            self._forget(min(beside, key=lambda cluster: cluster.seen))
        cluster = _Cluster(self._next_id, leaf, list(words))
        self._next_id += 1
        self._tree.add(leaf, cluster)
        self._touch(cluster)
        return cluster

    def _touch(self, cluster: _Cluster) -> None:
        """Put a cluster at the end of those that were seen."""
        self._clusters.pop(cluster.id, None)
        self._clusters[cluster.id] = cluster
        self._clock += 1
        cluster.seen = self._clock

    def _forget(self, cluster: _Cluster) -> None:
        del self._clusters[cluster.id]
        self._tree.remove(cluster.leaf, cluster)

    def to_state(self) -> dict[str, Any]:
        """Return all that is to be kept, as plain JSON."""
        return {
            "version": _STATE_VERSION,
            **self._options,
            "next_id": self._next_id,
            "clusters": [
                [
                    *(cluster.id, list(cluster.leaf.keys), cluster.leaf.scope, list(cluster.words)),
                    [[position, list(known)] for position, known in sorted(cluster.gaps.items())],
                ]
                for cluster in self._clusters.values()
            ],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, max_clusters: int = MAX_CLUSTERS) -> "TemplateMiner":
        """Return the miner that a state was taken of; one of another version starts anew, with ids of its own."""
        if state.get("version") != _STATE_VERSION:
            fresh = cls(max_clusters=max_clusters)
            fresh._next_id = int(state.get("next_id", 1))
            return fresh
        miner = cls(
            depth=state["depth"],
            similarity=state["similarity"],
            max_children=state["max_children"],
            max_clusters=max_clusters,
        )
        miner._next_id = state["next_id"]
        for number, keys, scope, words, gaps in state["clusters"][-max_clusters:]:
            leaf = Leaf(scope, len(words), tuple(keys))
            cluster = _Cluster(number, leaf, list(words), {position: list(known) for position, known in gaps})
            miner._touch(cluster)
        for cluster in sorted(miner._clusters.values(), key=lambda one: one.id):
            miner._tree.add(cluster.leaf, cluster)
        return miner


def _words(line: str) -> list[str]:
    return line.split(maxsplit=MAX_WORDS)[:MAX_WORDS]


def _is_variable(known: list[str]) -> bool:
    """Whether a gap tells nothing apart: it had many plain words, or all are what a mask stands for in one of them."""
    if len(known) > FEW_WORDS:
        return sum(word.isalpha() for word in known) > FEW_WORDS // 2
    masks = (match for word in known if (match := _MASK.fullmatch(word)))
    return any(all(word.startswith(mask[1]) and word.endswith(mask[2]) for word in known) for mask in masks)
