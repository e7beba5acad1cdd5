"""LCOV tracefiles: which lines of which files a run came by."""

from repo_agent_dagster.pathways.suites.reports.report import ID_CHARACTERS, below, clean, require_count, require_size
from repo_agent_dagster.pathways.suites.testrun import FileCoverage

_MAX_LINES = 5_000_000


def parse_lcov(content: bytes, *, root: str = "") -> dict[str, FileCoverage]:
    """Return the hits of each line by file; paths are made relative to `root`. What is no LCOV is passed over.

    Raises:
        ReportUnreadable: it is too large, or of too many files.
    """
    require_size(content, "coverage")
    found: dict[str, dict[int, int]] = {}
    lines: dict[int, int] | None = None
    for number, record in enumerate(content.decode("utf-8", "replace").splitlines()):
        if number > _MAX_LINES:
            break
        if record.startswith("SF:"):
            lines = found.setdefault(clean(below(root, record[3:]).removeprefix("./"), ID_CHARACTERS), {})
            require_count(len(found), "coverage")
        elif record.startswith("DA:") and lines is not None:
            line, _, hits = record[3:].partition(",")
            hits = hits.partition(",")[0]
            if line.isascii() and line.isdigit() and hits.isascii() and hits.isdigit() and len(line) < 9:
                lines[int(line)] = max(lines.get(int(line), 0), min(int(hits[:9]), 999_999_999))
        elif record == "end_of_record":
            lines = None
    return dict(found)
