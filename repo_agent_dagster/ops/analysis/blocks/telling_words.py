"""A cheap first look at a line: whether any word stands in it that lines about failures have. This is a hot loop."""

_WORDS = (
    *("error", "fail", "fatal", "exit", "not ", "no such", "cannot", "can't", "unable", "denied", "refused", "abort"),
    *("exception", "panic", "killed", "invalid", "missing", "timed", "timeout", "time-out", "unexpected", "undefined"),
    *("rejected", "conflict", "required", "exceed", "expired", "unauthori", "forbidden", "mismatch", "memory", "oom"),
    *("space left", "quota", "enospc", "eai_", "econn", "enot", "etimed", "econfig", "resol", "unreach", "verif"),
    *(
        "signal",
        "fault",
        "trap",
        "bus ",
        "illegal",
        "terminated",
        "unbound",
        "bad_alloc",
        "substitution",
        "crash",
        "giving up",
        "gave up",
        "unavailable",
    ),
    *(
        "curl: ",
        "wget: ",
        "ssh: ",
        "critical",
        "severe",
        "unhealthy",
        "unsupported",
        "too many",
        "rate limit",
        "violat",
    ),
    *(
        "corrupt",
        "unknown",
        "n't",
        "host",
        "elifecycle",
        "found ",
        "ran ",
        "tests",
        "problem",
        "test suites",
        "snapshots",
    ),
    *("explanations", "stopped", "npm ", "oh no", "passing", "pending", "passed", "!!!", "job ", "err:", "w: ", "e: "),
    *("disk is full", "execution time", "❌", "✘", "✗", "🚨", "⨯", "x  "),
)


def may_tell(text: str) -> bool:
    """Return whether a line may be about a failure: false for most lines of a log."""
    low = text.lower()
    return any(word in low for word in _WORDS)
