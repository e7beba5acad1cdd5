"""Turn a message into its pattern: what varies from one occurrence to the next is masked, words stay.

Error codes (TS2322, E0308, HTTP 404, exit code 1) count as words: two of them are two problems.

A text is first brought to its shape, in which every run of digits is one ``0`` and every hexadecimal word the same one;
no mask looks at how long they were. So a pattern is a function of the shape and the codes, and one that was made is
found again by them: repetitive logs cost two substitutions for each line at most, and not one for each mask.
"""

import re
from typing import Any

MAX_CHARACTERS = 4000
"""Only so much of a message is looked at; a headline and the first frames of its stack are well within."""

MAX_REMEMBERED = 50_000
"""So many shapes are remembered; beyond, all are forgotten and learnt anew."""

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_ENCODED = re.compile(r"%(?:2[0-9A-Fa-f]|3[A-Fa-f]|40|5[BbDd])(?=[A-Za-z@/])")
_DIGITS = re.compile(r"[0-9]+")

# The digits of codes are moved out of ASCII while the masks run, and back afterwards.
_SHELTER = {ord(str(digit)): chr(0xE000 + digit) for digit in range(10)}
_UNSHELTER = {0xE000 + digit: str(digit) for digit in range(10)}

# What keeps its digits. ``#{…}`` is that many digits; in a shape it is one ``0``.
_CODE_SOURCE = (
    # of compilers, linters, databases and package managers
    r"\b(?:(?:[CDEFNSPW]|TS|CS|CA|NU|MC|SA|BC|SC|DL|MD|PT|UP|PL[CERW]|RUF|ANN|SIM|BLE|TRY|PTH|RET|DTZ|ARG|ERA|FBT|PGH"
    r"|MSB|LNK|IDE|AD|TF)#{3,4}|(?:NU|TS|MSB)#{5}|ORA-#{5}|SQLSTATE[ :=\[]{1,2}[0-9A-Z]{5}|CVE-#{4}-#{4,7})"
    r"(?![\w-]|\.#{1,9})"
    # with what they are told by
    r"|\b(?:(?i:HTTP)(?:/[#.]{1,3})?|(?i:(?:http )?status(?: code)?|exit(?:ed)?(?: with)?(?: code| status)?|code|signal"
    r"|errno|rc|error code))(?:[\"']?[:=] ?[\"']?| )#{1,3}(?![\w-]|\.#{1,9})"
    r"|\b(?i:code)(?:[\"']?[:=] ?[\"']?)#{5}(?![\w-]|\.#{1,9})"
    r"|\b(?:ERROR|Error) #{4}(?![\w-]|\.#{1,9})"
    r"|\b(?i:got|returned(?: error)?|received|answered|respond(?:ed|s)?(?: with)?|replied(?: with)?):?(?: an?)?"
    r"(?: HTTP)? [45]##"
    r"(?![\w-])"
    r"|(?<![\w.:/-])[1-5]##(?=:? (?:Bad|Not|Internal|Too|Unauthorized|Forbidden|Service|Gateway|Conflict|Gone"
    r"|Unprocessable|Method|Request|Payload|Client|Server) ?[A-Za-z])"
)
# Words of the trade that hold digits: i64, utf-8, x86_64, k8s.
_NAME_SOURCE = (
    r"(?<![\w-])(?i:[iuf](?:8|16|32|64|128)|u?int(?:8|16|32|64)|float(?:16|32|64)|utf-?(?:8|16|32)|sha(?:1|256|384|512)"
    r"|md5|base64|http[23]|h[23]|s3|ec2|k8s|x(?:64|86(?:_64)?)|a(?:rm|md|arch)64|ipv[46]|oauth2|e2e|i18n|l10n|a11y|d1|r2"
    r"|es(?:5|6|2015|2020|2021|2022|2023|2024)|p(?:50|90|95|99)|log4j|neo4j|boto3|psycopg[23]|sqlite3|urllib3|python[23]"
    r"|mp[34]|win32)(?![\w-])"
)

_ERROR_CODES = re.compile(re.sub(r"#", "[0-9]", _CODE_SOURCE.replace("[#.]", "[0-9.]")))
_CODES = re.compile(f"{_ERROR_CODES.pattern}|{_NAME_SOURCE}")
_MAY_HOLD_CODES = re.compile(
    re.sub(r"\[1-5\]##|\[45\]##|#(?:\{[\d,]+\})?", "0", _CODE_SOURCE.replace("[#.]{1,3}", "[0.]{1,3}")).replace(
        "[0-9A-Z]{5}", "[0A-Z]{1,5}"
    )
    + "|"
    + _DIGITS.sub("0", re.sub(r"\[\d+\]", "0", _NAME_SOURCE))
)
_HEX_WORD = re.compile(
    r"(?<![A-Za-z0.])(?!(?:f0|d0|e0e|ec0)(?![\w-]))(?:[a-f]+0[0a-f]*|0x?[a-f][0a-f]*|0x0[0a-f]*)(?![A-Za-z])"
)

_SYMBOLS = re.compile(r"\b(?:E[A-Z]{4,20}|ERR_[A-Z_]{3,60}|SIG[A-Z]{3,6})\b")

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_CLOCK = r"0:0(?::0(?:[.,]0)?)?(?: ?[AP]M\b)?"
_ZONE = r"(?: ?(?:Z\b|UTC\b|GMT\b|[A-Z]{3,4}\b(?= 0)|[+-]0(?::0)?(?![\w-])))?"
_FOLDERS = r"(?:[\\/][\w.-]{1,64}){0,5}"
_PATH = r"[^\s:\"'<>(),;]+"
_RELEASE = r"(?:alpha|beta|rc|dev|next|canary|post|SNAPSHOT)"
_UNIT = r"(?:[KMGTPkmgt]i?B|[Bb]ytes?|[munµ]?s|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|milliseconds?)"
_INSTANCE = (
    r"(?:user|username|login|customer|tenant|account|member|session|request|trace|span|order|cart|invoice|payment"
    r"|transaction|message|correlation|pod|branch|container|client|visitor|subscriber|ticket|upload|device)"
)

# On shapes: ``0`` stands for any number of digits.
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\[REDACTED:[^\]\s]{1,80}\]"), "<SECRET>"),
    (re.compile(r"file://(?=[/\w])"), ""),
    (re.compile(r"(://[^\s?#\"'<>]{0,300})[?#][^\s\"'<>()]*"), r"\1?<QUERY>"),
    # A checkout's folder, wherever it lies: paths are told from its root.
    (re.compile(rf"(?<![\w.])(?:[A-Za-z]:)?{_FOLDERS}[\\/]_?work[\\/]([\w.-]{{1,100}})[\\/]\1[\\/]"), ""),
    (re.compile(r"(?<![\w.])(?:[A-Z]:\\a\\([\w.-]{1,100})\\\1\\|/__w/([\w.-]{1,100})/\2/|/github/workspace/)"), ""),
    (re.compile(r"(?<![\w.])/builds/[\w.-]{1,100}/[\w.-]{1,100}/"), ""),
    (re.compile(r"((?<![\w/])(?:/private)?(?:/var)?/(?:tmp|folders)/)[^\s:\"'<>(),;]+"), r"\1<PATH>"),
    (re.compile(rf"(?<![\w.])(?:[A-Za-z]:)?{_FOLDERS}[\\/]_?work[\\/]_temp[\\/]{_PATH}"), "<PATH>"),
    (re.compile(rf"\b[A-Za-z]:{_FOLDERS}[\\/]Temp[\\/]{_PATH}"), "<PATH>"),
    # Times: ISO 8601, 2026/03/04 12:00:01, 04/Mar/2026:12:00:01 +0000, Mar  4 12:00:01, Wed, 04 Mar 2026 12:00:01 GMT
    (re.compile(rf"(?<![\w.-])0-0-0(?:[T ,_]{{1,2}}{_CLOCK}{_ZONE})?(?![\w-])"), "<TIME>"),
    (re.compile(rf"(?<![\w.])0/0/0,? {_CLOCK}{_ZONE}(?![\w:])"), "<TIME>"),
    (re.compile(rf"(?<![\w.])0/{_MONTH}/0:0:0:0{_ZONE}"), "<TIME>"),
    (re.compile(rf"(?:\b{_DAY},? )?(?<![\w.])0[ -]{_MONTH}[ -]0,?(?: {_CLOCK}{_ZONE})?(?![\w:])"), "<TIME>"),
    (re.compile(rf"(?:\b{_DAY},? )?\b{_MONTH} {{1,2}}0(?:, 0)?,? {_CLOCK}{_ZONE}(?: 0)?(?![\w:])"), "<TIME>"),
    (re.compile(rf"\b{_MONTH} 0, 0(?!\w)"), "<TIME>"),
    (re.compile(rf"(?<![\w:.])0:0:0(?:[.,]0)?(?: ?[AP]M\b)?{_ZONE}(?![\w:])"), "<TIME>"),
    (re.compile(r"(?<![\w-])(?=[a-fA-F-]{0,40}0)[0a-fA-F]{1,36}(?:-[0a-fA-F]{1,36}){4}(?![\w-])"), "<UUID>"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,24}\b"), "<EMAIL>"),
    (re.compile(r"(?<![\w.])0\.0\.0\.0(?::0)?(?:/0)?(?![\w:]|\.\w)"), "<IP>"),
    (re.compile(r"(?<![\w:.>])(?=[a-fA-F:]{0,60}0)(?:[0a-fA-F]{0,4}:){2,19}[0a-fA-F]{0,4}(?![\w:]|\.\w)"), "<IP>"),
    (re.compile(r"((?<![\w/])/(?:home|Users)/)[^\s/:\"'<>(),;]+"), r"\1<USER>"),
    (re.compile(r"(?<![\w+/=.-])(?:SHA0:[A-Za-z0+/]{16,}=?|[A-Za-z0+/]{16,}={1,2}(?![\w=]))"), "<BLOB>"),
    # What names one of many: user 'alice', tenant=acme, requestId: Qx…; words that name a piece of code stay.
    (
        re.compile(rf"(?i:\b({_INSTANCE}(?:[ _-]?(?:id|name))?[\"']?(?: ?[=:] ?| )))([\"'`])[^\"'`\n]{{1,200}}\2"),
        r"\1\2<NUM>\2",
    ),
    (re.compile(rf"(?i:\b({_INSTANCE}(?:[_-]?(?:id|name))?=))[\w.@+-]{{1,200}}"), r"\1<NUM>"),
    (re.compile(r"((?:(?:\b|[_-])(?:id|ID|uuid|guid)|[a-z]I[dD])[\"']?(?:=|: ?)[\"']?)[\w.-]{1,200}"), r"\1<NUM>"),
    (re.compile(r"(?<![\w.-])[bcdfghjklmnpqrstvwxz0]{6,10}-[bcdfghjklmnpqrstvwxz0]{2,5}(?![\w-])"), "<NUM>"),
    (re.compile(r"(?<=[a-z]-)[bcdfghjklmnpqrstvwxz0]{6,10}-[bcdfghjklmnpqrstvwxz0]{2,5}(?![\w-])"), "<NUM>"),
    (re.compile(r"(?<![\w.-])[a-f]{7,64}(?![\w-])"), "<NUM>"),
    # Versions, durations, sizes, and numbers with or without a unit
    (re.compile(rf"(?<![\w.])[vV]?0(?:\.0){{2,}}(?:[-+.]?{_RELEASE}[\w.]{{0,40}})?(?![\w-])"), "<NUM>"),
    (re.compile(r"(?<![\w.])0(?:\.0)?(?:d|h|m|s|ms)(?: ?0(?:\.0)?(?:h|m|min|s|sec|ms|us|µs|ns))+(?!\w)"), "<NUM>"),
    (
        re.compile(
            rf"(?<![\w.])(?<!\w-)[+-]?0(?:[.,]0)*(?: (?:{_UNIT}|%)(?![\w-])|(?:{_UNIT}|[a-zA-Zµ]{{1,3}})?(?![\w-])|%)"
        ),
        "<NUM>",
    ),
)
_WORD = re.compile(r"(?<![A-Za-z0_-])[A-Za-z_-]*0[\w-]*")
_PARTS = re.compile(r"([_-]+)")
_PREFIX = re.compile(r"[A-Za-z]{3}|[a-z]{2}")  # AB-1234 is one of many, ord-1234 is an order
_NUMBERED = re.compile(r"(?=[a-z]*[aeiouy])([a-z]{3,})0", re.IGNORECASE)
_LIST = re.compile(r"<NUM>(?:(?:, ?|\.)?<NUM>)+")
_PLACEHOLDER = re.compile(r"<[A-Z]+>")
_TOKEN = re.compile(r"[^\W_]+")
_FILLERS = frozenset({"a", "an", "the", "is", "are", "was", "were", "has", "have"})

_HOLDS_CODES = ""
_SHELTERED = "\ue00a"
"""Begins the shapes in which codes keep their digits; without it, a shape stands for all lines that look like it."""

_patterns: dict[str, str] = {}
_words: dict[str, tuple[str, ...]] = {}


def plain_text(message: str) -> str:
    """Return the message's first `MAX_CHARACTERS` characters without terminal escapes."""
    text = message[:MAX_CHARACTERS]
    return _ANSI.sub("", text) if "\x1b" in text else text


def headline(message: str) -> str:
    """Return the line that says what went wrong: the last of a Python traceback, else the first that is not empty."""
    lines = [line for line in plain_text(message).splitlines() if line.strip()]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        lines = [line for line in lines if not line.startswith((" ", "\t", "Traceback"))][-1:] or lines
    return lines[0].strip() if lines else ""


def pattern(text: str) -> str:
    """Return the text with what varies masked: ``<TIME>``, ``<UUID>``, ``<IP>``, ``<PATH>``, ``<EMAIL>``, ``<NUM>``, …

    ``<NUM>`` is any number, and any word with a digit in it; the part before that stays (``order-<NUM>``).
    """
    text = plain_text(text)
    if "%" in text:
        text = _ENCODED.sub(_decoded, text)  # else the 2 of ``@acme%2Fcart`` would mask the name
    digits = _DIGITS.sub("0", text)
    known = _patterns.get(digits)
    if known is None:
        shape = _HEX_WORD.sub("0a0", digits)
        known = _patterns.get(shape)
        if known is None:
            known = _HOLDS_CODES if _MAY_HOLD_CODES.search(shape) else _masked(shape)
            _remember(_patterns, shape, known)
        if shape != digits:
            _remember(_patterns, digits, known)
    if known or not digits:
        return known
    shape = _SHELTERED + _HEX_WORD.sub("0a0", _DIGITS.sub("0", _CODES.sub(_sheltered, text)))
    known = _patterns.get(shape)
    if known is None:
        known = _masked(shape[1:]).translate(_UNSHELTER)
        _remember(_patterns, shape, known)
    return known


def word_tokens(text: str) -> tuple[str, ...]:
    """Return the words of the text's pattern, without the masks: what stays from night to night.

    They are in lower case and in order; articles, forms of to be and to have, and an ending s do not count, so that
    ``1 test was`` and ``2 tests were`` are the same.
    """
    masked = pattern(text)
    known = _words.get(masked)
    if known is None:
        tokens = (token.lower() for token in _TOKEN.findall(_PLACEHOLDER.sub(" ", masked)))
        known = tuple(_singular(token) for token in tokens if token not in _FILLERS)
        _remember(_words, masked, known)
    return known


def error_codes(text: str) -> tuple[str, ...]:
    """Return the error codes that a text names, each once and in order: ``http 404``, ``ECONNREFUSED``, ``TS2322``."""
    text = plain_text(text)
    found = [_TOKEN.findall(match[0].lower()) for match in _ERROR_CODES.finditer(text)] if _DIGITS.search(text) else []
    names = [[match[0].lower()] for match in _SYMBOLS.finditer(text)]
    return tuple(sorted({" ".join(words) for words in found + names}))


def forget() -> None:
    """Forget all patterns that were made, so that what making them costs can be measured; they come out the same."""
    _patterns.clear()
    _words.clear()


def _masked(shape: str) -> str:
    """Apply the masks to a shape whose codes are sheltered."""
    for rule, mask in _MASKS:
        shape = rule.sub(mask, shape)
    if "0" in shape:
        shape = _WORD.sub(_mask_word, shape).replace("0", "<NUM>")
    return _LIST.sub("<NUM>", shape)


def _mask_word(match: re.Match[str]) -> str:
    """Mask a word that holds a digit: keep the parts before the first such part (``order-`` of ``order-48f1-x``)."""
    kept = ""
    for part in _PARTS.split(match[0]):
        if "0" in part:
            numbered = _NUMBERED.fullmatch(part)
            kept = kept if _PREFIX.search(kept) else ""
            return f"{kept}{numbered[1] if numbered else ''}<NUM>"
        kept += part
    return kept


def _decoded(match: re.Match[str]) -> str:
    return chr(int(match[0][1:], 16))


def _sheltered(match: re.Match[str]) -> str:
    return match[0].translate(_SHELTER)


def _singular(token: str) -> str:
    return token[:-1] if len(token) > 3 and token.endswith("s") and not token.endswith("ss") else token


def _remember(known: dict[str, Any], key: str, value: Any) -> None:
    if len(known) >= MAX_REMEMBERED:
        known.clear()
    known[key] = value
