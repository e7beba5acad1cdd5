"""The manifest's import rules, made ready to be asked often: the first rule that matches a specifier decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.migration import ImportLanguage, ImportRule
from repo_agent_dagster.migration.faults import ManifestError

if TYPE_CHECKING:
    import regex

_SEGMENT_ENDS: dict[ImportLanguage, tuple[str, ...]] = {"ts": ("/", ".", ":", "?"), "py": (".",), "go": ("/",)}
"""What may follow a prefix that ends with a letter or digit: `../utils` is in `../utils.js`, not in `../utils-x`."""
_LIMIT_SECONDS = 1.0
"""How long a regular expression may try to match one specifier; an honest one needs microseconds."""


@dataclass(frozen=True)
class Ruled:
    """What an import rule makes of a specifier; `rule` is its index in the manifest, from 0."""

    text: str
    rule: int


@dataclass(frozen=True)
class _Pattern:
    index: int
    rule: ImportRule
    regex: "regex.Pattern[str] | None"


class ImportRules:
    """Import rules by language: exact ones are looked up, the others are tried in their order.

    What was asked is remembered: a unit names the same modules again and again.
    """

    def __init__(self, rules: Sequence[ImportRule]) -> None:
        self._exact: dict[ImportLanguage, dict[str, Ruled]] = {}
        self._patterns: dict[ImportLanguage, list[_Pattern]] = {}
        self._asked: dict[ImportLanguage, dict[str, Ruled | None]] = {}
        for language in _SEGMENT_ENDS:
            own = [(index, rule) for index, rule in enumerate(rules) if rule.language in {None, language}]
            exact: dict[str, Ruled] = {}
            for index, rule in own:
                if rule.exact is not None:
                    exact.setdefault(rule.exact, Ruled(rule.to, index))
            self._exact[language] = exact
            self._patterns[language] = [
                _Pattern(index, rule, _compiled(rule)) for index, rule in own if rule.exact is None
            ]
            self._asked[language] = {}

    def apply(self, specifier: str, language: ImportLanguage) -> Ruled | None:
        """Return what the first rule that matches makes of a specifier; None where none does.

        Raises:
            ManifestError: a rule's regular expression takes too long.
        """
        asked = self._asked[language]
        if specifier not in asked:
            asked[specifier] = self._apply(specifier, language)
        return asked[specifier]

    def _apply(self, specifier: str, language: ImportLanguage) -> Ruled | None:
        exact = self._exact[language].get(specifier)
        for pattern in self._patterns[language]:
            if exact is not None and exact.rule < pattern.index:
                break
            new = _apply(pattern, specifier, _SEGMENT_ENDS[language])
            if new is not None:
                return Ruled(new, pattern.index)
        return exact


def _compiled(rule: ImportRule) -> "regex.Pattern[str] | None":
    if rule.regex is None:
        return None
    import regex  # loaded late: it can give up, as Python's own cannot, and only few manifests need it

    return regex.compile(rule.regex)


def _apply(pattern: _Pattern, specifier: str, ends: tuple[str, ...]) -> str | None:
    if pattern.regex is not None:
        try:
            match = pattern.regex.fullmatch(specifier, timeout=_LIMIT_SECONDS)
        except TimeoutError as error:
            raise ManifestError(
                f"imports[{pattern.index}]: regex {pattern.rule.regex!r} took longer than {_LIMIT_SECONDS:g} seconds "
                f"on {specifier[:80]!r}; write it so that it cannot match in many ways"
            ) from error
        return None if match is None else match.expand(pattern.rule.to)
    prefix = pattern.rule.prefix or ""
    if not specifier.startswith(prefix):
        return None
    rest = specifier[len(prefix) :]
    whole = not (prefix[-1].isalnum() or prefix[-1] == "_") or not rest or rest.startswith(ends)
    return pattern.rule.to + rest if whole else None
