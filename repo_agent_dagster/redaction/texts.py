"""Redaction of whole texts, of values, of source text, and of the lines of a log in their order."""

import re
from functools import partial
from typing import Any

from repo_agent_dagster.redaction import assignments, names, private_keys
from repo_agent_dagster.redaction.digests import PLACEHOLDER, REDACTED, placeholder
from repo_agent_dagster.redaction.private_keys import PrivateKeys
from repo_agent_dagster.redaction.shapes import SHAPES
from repo_agent_dagster.redaction.signs import Signs
from repo_agent_dagster.redaction.unseen import may_hide, visible

_CREDENTIALS = re.compile(r"(?<=://)(?!(?:[a-z][a-z-]{0,15}|\[REDACTED:[^\]\s]{1,60}\])@)[^\s/?#\"'<>`]{1,512}(?=@)")
_ASSIGNMENT_SIGNS = Signs((*assignments.SIGNS, "bearer", "basic"))
_SHAPES = tuple((shape, Signs(shape.signs)) for shape in SHAPES)
_SHAPE_SIGNS = Signs(sign for shape in SHAPES for sign in shape.signs)
_SIGNS = Signs(
    ("@", *private_keys.SIGNS, "bearer", "basic", *assignments.SIGNS, *(sign for one in SHAPES for sign in one.signs))
)

# In source text `token = next()` holds no secret: what stands in quotes may, and what a line of a .env file assigns.
_SOURCE_NAME = (
    r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key"
    r"|authorization|cookie|credentials?)[\w-]{0,20}+"
)
_IN_SOURCE = (
    re.compile(
        rf"({_SOURCE_NAME}[\"']?\s{{0,3}}(?::\s{{0,3}}\w{{1,30}}\s{{0,3}})?[=:]\s{{0,3}}[\"'`])"
        rf"(?!{re.escape(REDACTED)})(?P<secret>(?:(?!\$\{{)[^\s\"'`]){{8,}})(?=[\"'`])",
        re.IGNORECASE,
    ),
    re.compile(
        r"(\b(?:[A-Z][A-Z0-9_]{0,60}_)?(?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|KEY|CREDENTIALS?)(?:_[A-Z0-9]{1,20})?=)"
        rf"(?!{re.escape(REDACTED)})(?P<secret>[^\s\"'`=>$]{{8,}})"
    ),
)
_HIDDEN = re.compile(PLACEHOLDER)


class _Tally:
    """Hides secrets and counts them."""

    def __init__(self) -> None:
        self.count = 0

    def hide(self, kind: str, secret: str) -> str:
        self.count += 1
        return placeholder(kind, secret)


def may_hold_secret(text: str) -> bool:
    """Tell cheaply whether `redact` could find anything in the text, or in what it is the JSON of.

    False is certain, unless the JSON hides letters behind ``\\u`` escapes, or the text is a line inside of a private
    key, which `LineRedactor` knows. True is not certain.
    """
    return may_hide(text) or _SIGNS.stand_in(text.lower())


def redact(text: str) -> str:
    """Return the text with every secret of a known shape replaced; redacting twice changes nothing more."""
    return redact_counted(text)[0]


def redact_counted(text: str) -> tuple[str, int]:
    """Return the text as `redact` does, and how many secrets were taken out."""
    redactor = LineRedactor()
    return redactor.redact(text), redactor.count


def redact_value(value: Any) -> Any:
    """Return a JSON value with its texts redacted, and with every text under a key that names a secret replaced."""
    return LineRedactor().redact_value(value)


def redact_source(text: str) -> str:
    """Return source text with every secret of a known shape replaced, its code left as it is."""
    tally = _Tally()
    text = _shapes(_by_lines(text, PrivateKeys(), tally), text.lower(), tally)
    text = assignments.schemes_hidden(text, tally.hide)
    for rule in _IN_SOURCE:
        text = rule.sub(lambda found: found[1] + tally.hide("secret", found["secret"]), text)
    return text


class LineRedactor:
    """Redacts the texts of one log in their order, so that a private key is known over several of them.

    `count` is how many secrets it has taken out.
    """

    def __init__(self) -> None:
        self._tally = _Tally()
        self._private_keys = PrivateKeys()

    @property
    def count(self) -> int:
        """How many secrets were taken out so far."""
        return self._tally.count

    def may_hold_secret(self, text: str) -> bool:
        """Tell cheaply whether the next text could hold a secret, or is within a private key."""
        return self._private_keys.is_inside or may_hold_secret(text)

    def redact(self, text: str) -> str:
        """Return the next text with every secret of a known shape replaced.

        Where a secret is found only after what nobody sees is taken out of the text, the text comes back without it.
        """
        redacted = self._redact(text)
        if may_hide(redacted) and (plain := visible(redacted)) != (deeper := self._redact(plain)):
            return deeper
        return redacted

    def _redact(self, text: str) -> str:
        lowered = text.lower()
        if not self._private_keys.is_inside and not _SIGNS.stand_in(lowered):
            return text
        if self._private_keys.is_inside or "private key" in lowered:
            text = _by_lines(text, self._private_keys, self._tally)
        text = _shapes(text, lowered, self._tally)
        if _ASSIGNMENT_SIGNS.stand_in(lowered):
            text = assignments.hidden(text, lowered, self._tally.hide)
        return text

    def redact_value(self, value: Any) -> Any:
        """Return a JSON value with its texts redacted, and every text under a key that names a secret replaced."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self.redact_value(item) for item in value]
        if isinstance(value, dict):
            return {self.redact_value(key): self._item(key, item) for key, item in value.items()}
        return value

    def _item(self, key: Any, item: Any) -> Any:
        if isinstance(item, str) and item and isinstance(key, str) and assignments.tells_of(key, item):
            return item if _HIDDEN.fullmatch(item) else self._tally.hide("secret", item)
        return self.redact_value(item)


def _by_lines(text: str, keys: PrivateKeys, tally: _Tally) -> str:
    return "\n".join(keys.hidden(line, tally.hide) for line in text.split("\n"))


def _shapes(text: str, lowered: str, tally: _Tally) -> str:
    if _SHAPE_SIGNS.stand_in(lowered):
        for shape, signs in _SHAPES:
            if signs.stand_in(lowered):
                text = shape.pattern.sub(partial(_shape, shape.kind, tally), text)
    if "://" in text and "@" in text:
        text = _CREDENTIALS.sub(partial(_credentials, tally), text)
    return text


def _credentials(tally: _Tally, found: re.Match[str]) -> str:
    is_place = names.stands_for_a_value(found[0].rpartition(":")[2])
    return found[0] if is_place else tally.hide("url-credentials", found[0])


def _shape(kind: str, tally: _Tally, found: re.Match[str]) -> str:
    if found.lastgroup != "secret":
        return tally.hide(kind, found[0])
    return found[0][: found.start("secret") - found.start()] + tally.hide(kind, found["secret"])
