"""The manifest's import rules, made ready to be asked often: the first rule that matches a specifier decides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.contracts.migration import ImportLanguage, ImportRule

_SEGMENT_ENDS: dict[ImportLanguage, tuple[str, ...]] = {"ts": ("/", ".", ":", "?"), "py": (".",), "go": ("/",)}
"""What may follow a prefix that ends with a letter or digit: `../utils` is in `../utils.js`, not in `../utils-x`."""


@dataclass(frozen=True)
class Ruled:
    """What an import rule makes of a specifier; `rule` is its index in the manifest, from 0."""

    text: str
    rule: int


@dataclass(frozen=True)
class _Pattern:
    index: int
    rule: ImportRule
    regex: re.Pattern[str] | None


class ImportRules:
    """Import rules by language: exact ones are looked up, the others are tried in their order."""

    def __init__(self, rules: Sequence[ImportRule]) -> None:
        self._exact: dict[ImportLanguage, dict[str, Ruled]] = {}
        self._patterns: dict[ImportLanguage, list[_Pattern]] = {}
        for language in _SEGMENT_ENDS:
            exact = self._exact.setdefault(language, {})
            patterns = self._patterns.setdefault(language, [])
            for index, rule in enumerate(rules):
                if rule.language not in {None, language}:
                    continue
                if rule.exact is not None:
                    exact.setdefault(rule.exact, Ruled(rule.to, index))
                else:
                    patterns.append(_Pattern(index, rule, None if rule.regex is None else re.compile(rule.regex)))

    def apply(self, specifier: str, language: ImportLanguage) -> Ruled | None:
        """Return what the first rule that matches makes of a specifier; None where none does."""
        exact = self._exact[language].get(specifier)
        for pattern in self._patterns[language]:
            if exact is not None and exact.rule < pattern.index:
                break
            new = _apply(pattern, specifier, _SEGMENT_ENDS[language])
            if new is not None:
                return Ruled(new, pattern.index)
        return exact


def _apply(pattern: _Pattern, specifier: str, ends: tuple[str, ...]) -> str | None:
    if pattern.regex is not None:
        match = pattern.regex.fullmatch(specifier)
        return None if match is None else match.expand(pattern.rule.to)
    prefix = pattern.rule.prefix or ""
    if not specifier.startswith(prefix):
        return None
    rest = specifier[len(prefix) :]
    whole = not (prefix[-1].isalnum() or prefix[-1] == "_") or not rest or rest.startswith(ends)
    return pattern.rule.to + rest if whole else None
