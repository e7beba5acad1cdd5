"""Log lines: their kinds, their levels, and one stored line as engines hand it to each other."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

LogKind = Literal["worker", "build"]
"""What wrote the lines: a deployed worker or a build. Each kind has its own table."""


class LogLevel(StrEnum):
    """The five levels that are stored; what other systems call them is in `LEVELS`."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


FAILURE_LEVELS = (LogLevel.WARN, LogLevel.ERROR, LogLevel.FATAL)
"""The levels that a scan reads."""

_OTHER_NAMES: dict[LogLevel, tuple[str | int, ...]] = {
    # Numbers are those of pino and bunyan.
    LogLevel.DEBUG: ("trace", "verbose", "silly", "fine", 10, 20),
    LogLevel.INFO: ("log", "information", "informational", "notice", "success", 30),
    LogLevel.WARN: ("warning", 40),
    LogLevel.ERROR: ("err", "severe", "failure", 50),
    LogLevel.FATAL: ("critical", "crit", "alert", "emerg", "emergency", "panic", 60),
}

LEVELS: dict[str | int, str] = {
    **{name: level.value for level, names in _OTHER_NAMES.items() for name in names},
    **{level.value: level.value for level in LogLevel},
}
"""Every level name (lower case) or number that is understood, and the level it is stored as."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One stored log line. `place` is the worker of a worker's line and the repository of a build's; `ts` is UTC."""

    id: int
    kind: LogKind
    source: str
    place: str
    run_id: str | None
    level: LogLevel
    message: str
    meta: dict[str, Any] | None
    ts: datetime
