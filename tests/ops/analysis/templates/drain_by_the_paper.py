"""Drain as the paper tells it (He et al., ICWS 2017), written for clarity alone: nested dicts, no memory of lines."""

from dataclasses import dataclass, field
from typing import Any

GAP = "<*>"


@dataclass
class Group:
    words: list[str]
    lines: list[int] = field(default_factory=list)


class Drain:
    def __init__(self, depth: int, similarity: float, max_children: int) -> None:
        self.inner, self.similarity, self.max_children = depth - 2, similarity, max_children
        self.root: dict[Any, Any] = {}

    def add(self, number: int, line: str) -> Group:
        words = line.split()
        group = self.search(words)
        if group is None:
            group = Group(words)
            self.leaf_for(words).append(group)
        else:
            group.words = [own if own == word else GAP for own, word in zip(group.words, words, strict=True)]
        group.lines.append(number)
        return group

    def search(self, words: list[str]) -> Group | None:
        """Steps 2 to 4: by length, by the first words, then the most similar group."""
        node = self.root.get(len(words))
        for word in words[: self.inner]:
            if node is None:
                return None
            node = node.get(word, node.get(GAP))
        best = max(node or (), key=lambda group: self.rank(group, words), default=None)
        return best if best and self.rank(best, words)[0] >= self.similarity * len(words) else None

    def rank(self, group: Group, words: list[str]) -> tuple[int, int]:
        same = sum(own == word for own, word in zip(group.words, words, strict=True))
        return same, group.words.count(GAP)

    def leaf_for(self, words: list[str]) -> list[Group]:
        inner = min(self.inner, len(words))
        node: Any = self.root.setdefault(len(words), {} if inner else [])
        for depth, word in enumerate(words[:inner], start=1):
            if word not in node:
                literal = sum(1 for key in node if key != GAP)
                if any(c.isdigit() or c == "<" for c in word) or literal >= self.max_children - 1:
                    word = GAP
            node = node.setdefault(word, {} if depth < inner else [])
        leaf: list[Group] = node
        return leaf
