"""Characters that nobody sees: they hide, reorder or forge what a reader sees, and split what a rule looks for."""

import re

# ESC and CSI sequences, and those with a text (titles, hyperlinks) when they end on their line. Of one that does not,
# the ESC alone goes: an endless one would hide the rest of the log.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,2048}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,3}[0-Z\\^-~]"
)
_BREAK = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
# Format characters, variation selectors, tags, and letters that are not seen. Noncharacters and halves of surrogate
# pairs go as well: no database and no service takes them.
_HIDING = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDES = re.compile(f"[{_HIDING}]")
_UNSEEN = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_HIDING}]+")


def visible(text: str) -> str:
    """Return the text without terminal escapes and characters that are not seen; every line break is a newline."""
    text = _TERMINAL.sub("", text)
    return _UNSEEN.sub("", _BREAK.sub("\n", text))


def may_hide(text: str) -> bool:
    """Tell cheaply whether terminal escapes or characters that are not seen may stand within the text's words."""
    if text.isascii():
        return "\x1b" in text or "\x08" in text or "\x00" in text
    return "\x1b" in text or bool(_HIDES.search(text))
