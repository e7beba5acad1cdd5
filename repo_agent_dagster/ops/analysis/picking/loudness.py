"""Which lines speak of an error, where no failure block does: and which only seem to."""

import re
from enum import IntEnum

from repo_agent_dagster.ops.analysis.blocks.telling_words import may_tell

_SPEAKS = re.compile(
    r"giving up|gave up|\berrors?\b|\bfatal\b|\bfail(?:ed|ure|s|ing)?\b|exception|\bpanic|\bcannot\b|\bcan't\b"
    r"|\bcould ?n[o']t\b|\bunable to\b|denied"
    r"|refused|timed? ?-?out\b|\binvalid\b|\bmissing\b|not found|no such|unauthori[sz]ed"
    r"|forbidden|\bunexpected\b|\bundefined\b"
    r"|\bkilled\b|abort|critical|\bsevere\b|unhealthy|\bexceed|not set\b|\brequired\b|expired"
    r"|mismatch|\bconflict|rejected"
    r"|not (?:permitted|allowed|supported|available|recognized|defined|exist)|does(?: no"
    r"|n')t exist|unsupported|too many|crash"
    r"|rate limit|violat|corrupt|unreachable|\be[A-Z]{4,}\b|unknown|❌|✘|✗|\bx\b  ",
    re.IGNORECASE,
)
_CLEARLY = re.compile(
    r"\s*(?:\[?[\w./ :-]{0,40}\]?[ :])?\[?(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC|Error|error"
    r"|fatal|FAIL|FAILED|Failed|E!|❌|✘|✗|🚨)\]?(?:[:!\s]|$)"
    r"|.{0,120}\b[A-Z]\w{2,60}(?:Error|Exception)\b(?::|$)|\s*(?:❌|✘|✗|🚨|⨯)"
    r"|\s*\{\s*\"(?:message|error|errors|detail)\":|.*level=(?:error|fatal)|.*\"level\":\s?\"(?:error|fatal)\"",
)
_SEEMS = re.compile(
    r"\b0 (?:errors?|fail(?:ed|ures?|ing)?|problems|vulnerab|warnings?)|\bno (?:errors?"
    r"|failures?|problems|issues|conflicts)\b"
    r"|\b(?:errors?|failures?|failed|exceptions?)[\"']?[:=] ?\"?0\b"
    r"|\berrors?[\w-]*\.[a-z]{1,4}\b"
    r"|\berror[-_](?:handl|pages?|bound|overlay|boundar|report|log|track|codes?|messages?"
    r"|utils?)|\b(?:on|handle|show|is|set)Error\b"
    r"|^\s*(?:✓|✔|√|ok\b|PASS|PASSED|\[PASS\]|\[ ?OK ?\]|--- PASS|test .* ok$)|\bPASSED\b"
    r"|\.\.\. ok$|\bpassed\b(?!.*failed)"
    r"|\bretry|\bretries\b|attempt \d+ (?:of|/)|\btrying again\b|will be retried|backing off"
    r"|^\s*(?:\[?(?:warn(?:ing)?|notice|info|debug|trace)\b|npm (?:warn|WARN|notice)|W:|WARN)"
    r"|\bWARN(?:ING)?\b|\bwarning:|deprecat"
    r"|\[(?:INFO|DEBUG|WARN|WARNING|TRACE)\]|^\s*(?:INFO|DEBUG|TRACE)\b|level=(?:info|debug|warn)"
    r"|^\s*(?:Download(?:ing|ed)|Install(?:ing|ed)|Unpacking|Setting up|Selecting|Preparing"
    r"|Get:|Hit:|Compiling|Checking|Collecting"
    r"|Requirement already|Fetching|added \d+|Using cached|Building|Created|Extracting"
    r"|Successfully|Cached|Restored|Saved)\b"
    r"|--(?:fail|no-error|error|max-warnings|ignore)|continue-on-error|fail-fast|if-no-files-found|set -e",
    re.IGNORECASE,
)


class Loudness(IntEnum):
    """How clearly a line speaks of an error."""

    QUIET = 0
    HINTS = 1
    CLEAR = 2


def loudness(text: str) -> Loudness:
    """Return how clearly a line speaks of an error; warnings, retries, counts of none and passing tests do not."""
    text = text[:600]
    if not may_tell(text) or _SPEAKS.search(text) is None or _SEEMS.search(text) is not None:
        return Loudness.QUIET
    return Loudness.CLEAR if _CLEARLY.match(text) else Loudness.HINTS


def is_passing_over(text: str) -> bool:
    """Return whether a line tells of something that the program means to get over: a retry, a warning."""
    return _SEEMS.search(text[:600]) is not None
