"""Secrets that are known by the name before them: ``key=value``, JSON, YAML, headers, options, XML, queries."""

import re
from collections.abc import Callable

from repo_agent_dagster.redaction import names
from repo_agent_dagster.redaction.digests import PLACEHOLDER, REDACTED

Hide = Callable[[str, str], str]
"""Gives what stands for a secret of a kind; a text that was hidden already comes back as it is."""

SIGNS = (
    *("passw", "passph", "pwd", "secret", "token", "credential", "cookie", "auth"),
    *(f"{of}{between}key" for of in ("api", "access", "private", "account", "shared", "sharedaccess", "encryption")
      for between in ("", "_", "-")),
    *(f"{of}{between}key" for of in ("signing", "license", "licence", "master", "service", "deploy", "storage", "hmac")
      for between in ("", "_", "-")),
    *("sig=", "signature=", "code=", "key="),
)  # fmt: skip
"""One of these, in lower case, is in each text that `hidden` changes."""

_QUOTE = r"\\{0,3}[\"'`]"
# Terminals are told colours, also between a name and its value; in JSON the escape may be spelt out.
_PAINT = r"(?:(?:\x1b|\\{1,2}(?:u001b|x1b|033))\[[0-9;]{0,20}m){0,3}+"
_BARE = r"(?:[^\s\"'`,;&<>\\\x1b]|\\[^\s\"'\\nrtu])++"
_NOT_HIDDEN = rf"(?<!{re.escape(REDACTED)})"

_COOKIES = re.compile(
    rf"{_NOT_HIDDEN}(?P<name>cookie(?:{_QUOTE})?\s{{0,3}}[:=]\s{{0,3}}(?:{_QUOTE})?)(?=[\w!#$%&*.^~+-]{{1,100}}=)"
    r"(?P<value>[^\r\n\"'\\]++)",
    re.IGNORECASE | re.ASCII,
)
_AUTHORIZATION = re.compile(
    rf"{_NOT_HIDDEN}(?P<name>authorization{_PAINT}(?:{_QUOTE})?{_PAINT}\s{{0,3}}[:=]\s{{0,3}}{_PAINT}(?:{_QUOTE})?)"
    r"(?P<scheme>(?:bearer|basic|token|bot|digest|apikey|negotiate|splunk|key|genie-?key|sso-key)\s{1,3})?"
    r"(?P<value>[^\s\"'`,;\\\x1b]++)",
    re.IGNORECASE | re.ASCII,
)
_SCHEME = re.compile(
    r"\b(?P<name>(?:bearer|basic)\s{1,8})(?P<value>[\w.~+/-]{8,}+={0,2}+)(?![\w=])", re.IGNORECASE | re.ASCII
)
_QUERY = re.compile(
    r"(?P<name>[?&](?:sig|signature|code|key|auth|ticket|hash|token|x-(?:amz|goog)-(?:signature|credential))=)"
    r"(?P<value>[^\s\"'`&<>#\\]{16,}+)",
    re.IGNORECASE | re.ASCII,
)
_OPTION = re.compile(
    rf"(?P<name>(?<![\w-])--[A-Za-z][\w-]{{1,60}}+)[ \t]{{1,8}}(?:{_QUOTE})?(?P<value>(?!-){_BARE})", re.ASCII
)
_ELEMENT = re.compile(r"<(?P<name>[A-Za-z][\w.:-]{1,60}+)>(?P<value>[^<>\r\n]{1,4096}+)</", re.ASCII)
# In lower case: without regard to case the same search takes three times as long.
_NAME = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credential|cookie|auth|sig(?:nature)?(?==)"
    r"|(?:api|access|private|account|encryption|signing|licen[sc]e|master|service|deploy|storage|hmac|shared)[_-]?key)"
    rf"[\w-]{{0,30}}+(?P<end>{_PAINT}(?:{_QUOTE})?{_PAINT})(?P<sep>\s{{0,8}}(?:=>|:=|[:=])\s{{0,8}}){_PAINT}",
    re.ASCII,
)
_VALUE = re.compile(
    r"\\{1,3}\"(?P<escaped>[^\"\\\r\n]++)|\\{1,3}'(?P<escaped_single>[^'\\\r\n]++)"
    r"|\"(?P<double>(?:[^\"\\\r\n]|\\.)++)|'(?P<single>(?:[^'\\\r\n]|\\.)++)|`(?P<backtick>[^`\r\n]++)"
    rf"|(?P<bare>{_BARE})"
)
# As in ``invalid token: password=…``.
_NESTED = re.compile(r"(?P<name>[\w.-]{1,60}+)=", re.ASCII)
_BEFORE = re.compile(r"[\w.-]*$", re.ASCII)
_COUNT = re.compile(r"[\d_.,]+|[a-z]+(?:_[a-z]+)*", re.ASCII)
# Prose has no such words: ``db_password``, ``clientSecret``.
_COMPOUND = re.compile(r"[a-z]_[a-z]|[a-z][A-Z]|[A-Z]_[A-Z]")
_HIDDEN = re.compile(rf"(?:[A-Za-z][\w-]{{0,20}} {{1,3}})?{PLACEHOLDER}")
_CLOSERS = {")": "(", "]": "[", "}": "{"}
# In a value that is none, another name may begin: ``auth: password=…``. In a longer one it is not looked for.
_LOOKED_THROUGH = 200
_LONGEST_NAME = 60


def hidden(text: str, lowered: str, hide: Hide) -> str:
    """Return the text with each secret that a name tells of replaced by what `hide` gives; the name stays.

    `lowered` is the text in lower case, before or after other secrets in it were hidden.
    """
    if "cookie" in lowered:
        text = _COOKIES.sub(lambda found: found["name"] + _unless_hidden("cookie", found["value"], hide), text)
    if "authorization" in lowered:
        text = _AUTHORIZATION.sub(lambda found: _authorization(found, hide), text)
    if "bearer" in lowered or "basic" in lowered:
        text = schemes_hidden(text, hide)
    if "=" in text and ("?" in text or "&" in text):
        text = _QUERY.sub(lambda found: _query(found, hide), text)
    if "--" in text:
        text = _OPTION.sub(lambda found: _named(found, _is_option, hide), text)
    if "</" in text:
        text = _ELEMENT.sub(lambda found: _named(found, _is_element, hide), text)
    return _assigned(text, hide)


def schemes_hidden(text: str, hide: Hide) -> str:
    """Return the text with what follows the words ``Bearer`` and ``Basic`` replaced where it is no word of prose."""
    return _SCHEME.sub(lambda found: _scheme(found, hide), text)


def _authorization(found: re.Match[str], hide: Hide) -> str:
    value = _without_closers(found["value"])
    if names.is_no_secret(value) or len(value) < 4 or (not found["scheme"] and names.is_plain_word(value)):
        return found[0]
    return _replaced(found, "value", value, "authorization", hide)


def _scheme(found: re.Match[str], hide: Hide) -> str:
    value = found["value"]
    is_secret = any(c.isdigit() or c == "=" for c in value) or names.is_basic(value)
    return _replaced(found, "value", value, "authorization", hide) if is_secret else found[0]


def _query(found: re.Match[str], hide: Hide) -> str:
    value = _without_closers(found["value"])
    return _replaced(found, "value", value, "query", hide) if names.looks_made(value) else found[0]


def _named(found: re.Match[str], is_secret: Callable[[str, str], bool], hide: Hide) -> str:
    value = _without_closers(found["value"])
    return _replaced(found, "value", value, "secret", hide) if is_secret(found["name"], value) else found[0]


def _is_option(name: str, value: str) -> bool:
    """Tell whether it is as in ``--password hunter2``, and not as in ``--secret id=…``, which names a file."""
    return len(value) >= 4 and not value.startswith(("id=", "type=")) and _is_secret(name, value)


def _is_element(name: str, value: str) -> bool:
    """Tell whether it is as in ``<password>hunter2</password>``."""
    return len(value) >= 4 and _is_secret(name, value)


def _assigned(text: str, hide: Hide) -> str:
    lowered = _lowered(text)
    parts: list[str] = []
    done = at = 0
    while name := _NAME.search(lowered, at):
        at = name.end()
        nested = _NESTED.match(text, at)
        found = None if nested and names.tells_secret(nested["name"]) else _VALUE.match(text, at)
        if not found:
            continue
        group = found.lastgroup or "bare"
        value = _without_closers(found[group]) if group == "bare" else found[group]
        start = found.start(group)
        if value and _is_assigned_secret(text, name, found, value):
            parts += [text[done:start], _unless_hidden("secret", value, hide)]
            done = at = start + len(value)
        elif len(value) > _LOOKED_THROUGH:
            at = found.end()
    return "".join([*parts, text[done:]]) if parts else text


def _is_assigned_secret(text: str, named: re.Match[str], found: re.Match[str], value: str) -> bool:
    begin, sep = named.start(), named["sep"]
    before = _BEFORE.search(text[max(0, begin - _LONGEST_NAME) : begin])
    begin -= len(before[0]) if before else 0
    name = text[begin : named.start("end")]
    if text.endswith(REDACTED, 0, begin) or not _is_secret(name, value):
        return False
    if found.lastgroup != "bare":
        return len(value) >= 3
    if ":" in sep and "=" not in sep:
        return _is_told_by_colon(text, begin, name, found.end(), value)
    is_code = names.is_reference(name, value) or (sep.strip() != sep and names.is_code(value))
    return len(value) >= 4 and not is_code


def _is_secret(name: str, value: str) -> bool:
    return not names.is_no_secret(value) and tells_of(name, value)


def tells_of(name: str, value: str) -> bool:
    """Tell whether a name says that the value is a secret, by its words and what kind of value it is."""
    if not names.tells_secret(name):
        return False
    if names.is_weak(name):
        return names.looks_made(value) or names.is_basic(value)
    if names.counts(name) and (names.is_code(value) or _COUNT.fullmatch(value)):
        return False
    return not (value.isdigit() and len(value) < 8 and "token" in name.lower())


def _is_told_by_colon(text: str, begin: int, name: str, end: int, value: str) -> bool:
    """Tell whether it is as in ``password: hunter2`` or a line of YAML, and not ``invalid token: identifier``."""
    if not names.is_plain_word(value):
        return len(value) >= 6 and not names.is_code(value.rstrip(".,:;!?"))
    if len(value) < 8:
        return False
    line = text[text.rfind("\n", 0, begin) + 1 : begin].strip(" \t-\"'")
    is_line = not line and text[end : end + 1] in ("", "\n", "\r")
    return is_line or bool(_COMPOUND.search(name))


def _lowered(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(character.lower() if character.isascii() else character for character in text)


def _without_closers(value: str) -> str:
    """Take off brackets at the end that are closed but not opened in the value."""
    while value and value[-1] in _CLOSERS and value.count(value[-1]) > value.count(_CLOSERS[value[-1]]):
        value = value[:-1]
    return value


def _replaced(found: re.Match[str], group: str, value: str, kind: str, hide: Hide) -> str:
    start = found.start(group) - found.start()
    return found[0][:start] + _unless_hidden(kind, value, hide) + found[0][start + len(value) :]


def _unless_hidden(kind: str, value: str, hide: Hide) -> str:
    return value if _HIDDEN.fullmatch(value) else hide(kind, value)
