"""Private keys in PEM and PGP armour, which go over several lines: state is kept from one line to the next."""

import re
from collections.abc import Callable

Hide = Callable[[str, str], str]
SIGNS = ("private key",)
"""What is, in lower case, in each line that a private key begins with."""

KIND = "private-key"
_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
# The rest of a line that a key begins on: base64, with line breaks that are spelt out as in JSON.
_REST = re.compile(r"(?:\\{1,3}[nrt]|[A-Za-z0-9+/=]|\s(?=[A-Za-z0-9+/]{40}|[A-Za-z0-9+/]{2,63}=))*+")
# A line of the key may have the time, a stream's name or a bar before it.
_BODY = re.compile(r"(?:^|[\s|>:])(?P<secret>[A-Za-z0-9+/]{40,}={0,2})\s*$")
# The last line is shorter, and begins where the one before began.
_LAST = re.compile(r"(?P<secret>[A-Za-z0-9+/]{4,80}={0,2}|=[A-Za-z0-9+/]{4})\s*$")
_LEAST_REST = 16
_LONGEST_WORD = 8192
# Other streams' lines may stand between a key's lines; a key that never ends is not waited for for ever.
_OTHER_LINES = 20


class PrivateKeys:
    """Takes the lines of one text, or of one log, in order; lines between a key's first and last are its secret."""

    def __init__(self) -> None:
        self._others_left = 0
        self._column = 0

    @property
    def is_inside(self) -> bool:
        """Whether a key has begun and not ended: the next line must be given, whatever stands in it."""
        return self._others_left > 0

    def hidden(self, line: str, hide: Hide) -> str:
        """Return the line with what is of a private key in it replaced by what `hide` gives; its markers stay."""
        begin = _BEGIN.search(line)
        if begin:
            return self._begun(line, begin, hide)
        if not self.is_inside:
            return line
        end = _END.search(line)
        if end:
            self._others_left = 0
            return line
        skipped = max(0, len(line) - _LONGEST_WORD)
        found = _BODY.search(line, skipped) or _LAST.match(line, self._column)
        if not found:
            self._others_left -= 1
            return line
        self._others_left = _OTHER_LINES
        self._column = found.start("secret")
        return line[: self._column] + hide(KIND, found["secret"]) + line[found.end("secret") :]

    def _begun(self, line: str, begin: re.Match[str], hide: Hide) -> str:
        self._column = begin.start()
        head, rest = line[: begin.end()], line[begin.end() :]
        end = _END.search(rest)
        if end:
            self._others_left = 0
            inner, rest = rest[: end.start()], self.hidden(rest[end.start() :], hide)
        else:
            self._others_left = _OTHER_LINES
            body = _REST.match(rest)
            cut = body.end() if body else 0
            inner, rest = rest[:cut], rest[cut:]
        secret = re.sub(r"\\{1,3}[nrt]|[\s\"',]", "", inner)
        if len(secret) < _LEAST_REST or secret.startswith("[REDACTED:"):
            return head + inner + rest
        return head + hide(KIND, secret) + rest
