"""Texts that must stand in a file for a rule to match, combined by all and any, and read out of regular expressions.

A look at the bytes is much cheaper than a syntax tree. What is not understood needs nothing, so no match is ever lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

_SHORTEST = 2
_CLASS_LIMIT = 4
_RUNS_LIMIT = 16
_ESCAPED = frozenset("./-+*?()[]{}|^$\\\"'#:@=<>&~%!,; ")


@dataclass(frozen=True)
class Need:
    """Texts and further needs: all of them, or at least one."""

    is_any: bool = False
    texts: tuple[bytes, ...] = ()
    parts: tuple["Need", ...] = ()

    def is_met(self, content: bytes) -> bool:
        """Return whether the content holds what is needed."""
        if self.is_any:
            return any(text in content for text in self.texts) or any(part.is_met(content) for part in self.parts)
        return all(text in content for text in self.texts) and all(part.is_met(content) for part in self.parts)


ANYTHING = Need()


def every(needs: Iterable[Need]) -> Need:
    """Return the need of all of them together."""
    texts: dict[bytes, None] = {}
    parts: dict[Need, None] = {}
    for need in needs:
        if need.is_any:
            parts[need] = None
        else:
            texts |= dict.fromkeys(need.texts)
            parts |= dict.fromkeys(need.parts)
    if not texts and len(parts) == 1:
        return next(iter(parts))
    return Need(texts=tuple(texts), parts=tuple(parts))


def either(needs: Iterable[Need]) -> Need:
    """Return the need of any one of them; nothing is needed if one of them needs nothing."""
    texts: dict[bytes, None] = {}
    parts: dict[Need, None] = {}
    for need in needs:
        if need == ANYTHING:
            return ANYTHING
        if need.is_any:
            texts |= dict.fromkeys(need.texts)
            parts |= dict.fromkeys(need.parts)
        elif len(need.texts) == 1 and not need.parts:
            texts[need.texts[0]] = None
        else:
            parts[need] = None
    short = [text for text in texts if not any(other in text for other in texts if other != text)]
    return Need(is_any=True, texts=tuple(short), parts=tuple(parts)) if texts or parts else ANYTHING


def of_text(text: str) -> Need:
    """Return the need of a text that stands as it is; nothing is gained by a single character."""
    return Need(texts=(text.encode(),)) if len(text) >= _SHORTEST else ANYTHING


def of_regex(regex: str) -> Need:
    """Return the texts that every match of a regular expression holds."""
    reader = _Reader(regex)
    need = reader.alternatives()
    return need if reader.is_understood and reader.at == len(regex) else ANYTHING


class _Reader:
    """Reads a regular expression as far as its plain texts go, from left to right."""

    def __init__(self, regex: str) -> None:
        self._regex = regex
        self.at = 0
        self.is_understood = True

    def alternatives(self) -> Need:
        """Read up to the end of a group, or of all."""
        found = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            found.append(self._sequence())
        return either(found)

    def _sequence(self) -> Need:
        needs: list[Need] = []
        runs = [""]  # the plain texts that end here: several, where a small class such as ["'] was among them
        while self.at < len(self._regex) and self._peek() not in {"|", ")"} and self.is_understood:
            atom = self._atom()
            quantifier = self._quantifier()
            is_certain = quantifier in {"", "+"}
            if isinstance(atom, str) and is_certain and len(runs) * len(atom) <= _RUNS_LIMIT:
                runs = [run + character for run, character in product(runs, atom)]
                if quantifier == "":
                    continue
            elif isinstance(atom, Need) and is_certain:
                needs.append(atom)
            needs.append(either(map(of_text, runs)))
            runs = [""]
        needs.append(either(map(of_text, runs)))
        return every(needs)

    def _atom(self) -> str | Need:
        """Read one atom: the characters that it may be, if they are few, or else its need."""
        character = self._peek()
        self.at += 1
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            escaped = self._peek()
            self.at += 1
            self.is_understood &= escaped not in {"p", "P", "x", "u", "U", "Q", ""}
            return escaped if escaped in _ESCAPED else ANYTHING
        return ANYTHING if character in {".", "^", "$"} or not character.isascii() else character

    def _group(self) -> Need:
        if self._peek() == "?":
            if not self._regex.startswith("?:", self.at):
                self.is_understood = False  # flags, names and the like
                return ANYTHING
            self.at += 2
        need = self.alternatives()
        self.is_understood &= self._peek() == ")"
        self.at += 1
        return need

    def _class(self) -> str | Need:
        start = self.at
        if self._peek() == "^":
            self.at += 1
        self.at += self._peek() == "]"
        while self.at < len(self._regex) and self._peek() != "]":
            self.is_understood &= self._peek() != "["  # a class inside a class
            self.at += 2 if self._peek() == "\\" else 1
        inside = self._regex[start : self.at]
        self.at += 1
        is_plain = inside.isascii() and not any(character in "^-\\]" for character in inside)
        return inside if is_plain and 0 < len(inside) <= _CLASS_LIMIT else ANYTHING

    def _quantifier(self) -> str:
        """Read a quantifier: "" for none, "+" for at least once, "?" for perhaps none."""
        character = self._peek()
        if character == "{":
            end = self._regex.find("}", self.at)
            least = self._regex[self.at + 1 : end].partition(",")[0] if end > 0 else ""
            self.is_understood &= least.isdigit()
            self.at = end + 1 if end > 0 else len(self._regex)
            kind = "+" if least.isdigit() and int(least) > 0 else "?"
        elif character and character in "?*+":
            self.at += 1
            kind = "+" if character == "+" else "?"
        else:
            return ""
        if self._peek() and self._peek() in "?+":
            self.at += 1
        return kind

    def _peek(self) -> str:
        return self._regex[self.at : self.at + 1]
