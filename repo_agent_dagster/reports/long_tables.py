"""The rows of the page's long tables: patches, checks and files.

They are put together here and not in the template: of an order with thousands of patches the template would take longer
for its cells than everything else takes together.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.reports import CheckReport, FileReport, PatchReport
from repo_agent_dagster.reports.wording import name, note, plural

if TYPE_CHECKING:
    from markupsafe import Markup

_DIFF_TAGS = {"+": "ins", "-": "del", "@": "b"}
_DIFF_HEADER = "i"
_EVENT_TONES = {"patch_failed": "failed", "patch_reverted": "reverted", "patch_validated": "ok"}


class Escaped(dict[str | None, str]):
    """Names as the page shows them, shortened and escaped; most of them come again and again."""

    def __missing__(self, text: str | None) -> str:
        """Shorten and escape a name that is new."""
        self[text] = shown = escape(name(text))
        return shown


def patch_rows(patches: Sequence[PatchReport], *, with_workspace: bool) -> "Markup":
    """Return a row for each patch, its workspace with its file where there are several."""
    names = Escaped()
    return _markup(
        f"<tr><td>{_second(patch.first_at)}</td>"
        f"<td>{names[patch.workspace] + ': ' if with_workspace else ''}{names[patch.path]}{_finding(patch.error)}</td>"
        f"<td>{names[patch.op]}</td><td>{names[patch.phase]}</td><td>{names[patch.requester]}</td>"
        f"<td>{patch.outcome}{', reverted' if patch.reverted else ''}</td>"
        f"<td>{_known(patch.added, '')}</td><td>{_known(patch.removed, '')}</td>"
        f"<td>{escape(name(patch.patch_id))}</td></tr>\n"
        for patch in patches
    )


def check_rows(checks: Sequence[CheckReport]) -> "Markup":
    """Return a row for each run of a check, its new findings under its name."""
    names = Escaped()
    return _markup(
        f'<tr><td class="wide">{names[check.check]}{"".join(map(_finding, check.findings))}</td>'
        f'<td><span class="badge {check.outcome}">{check.outcome}</span></td>'
        f'<td class="n">{_known(check.before)}</td><td class="n">{_known(check.after)}</td>'
        f'<td class="n">{_known(check.added)}</td><td class="n">{check.patches}</td>'
        f'<td class="wide">{names[check.phase]}</td><td>{_second(check.at)}</td></tr>\n'
        for check in checks
    )


def file_entries(files: Sequence[tuple[FileReport, str | None, str | None]], *, with_workspace: bool) -> "Markup":
    """Return an entry that unfolds for each file, given with its diff and a note in its place or beside it."""
    return _markup(_file_entry(file, diff, told, with_workspace) for file, diff, told in files)


def diff_markup(diff: str) -> str:
    """Return a unified diff with its lines tagged by what they do; alike lines share a tag, context has none."""
    lines = diff.removesuffix("\n").split("\n")
    first_hunk = next((number for number, line in enumerate(lines) if line.startswith("@@")), len(lines))
    tagged = (
        (_DIFF_HEADER if number < first_hunk else _DIFF_TAGS.get(line[:1], ""), line)
        for number, line in enumerate(lines)
    )
    parts = []
    for tag, alike in groupby(tagged, key=itemgetter(0)):
        text = escape("\n".join(line for _, line in alike))
        parts.append(f"<{tag}>{text}</{tag}>" if tag else text)
    return "".join(parts)


def _file_entry(file: FileReport, diff: str | None, told: str | None, with_workspace: bool) -> str:
    event = file.last_event.value
    parts = [
        f'<details class="file"><summary><code>{escape(name(file.path))}</code>'
        f"<small>{plural(file.patches, 'patch', 'patches')}</small>"
        f'<span class="badge {_EVENT_TONES.get(event, "")}">{event.removeprefix("patch_")}</span>'
        f'<span class="delta"><ins>+{_known(file.added)}</ins> <del>−{_known(file.removed)}</del></span></summary>'
    ]
    if with_workspace:
        parts.append(f"<p>In <code>{escape(name(file.workspace))}</code></p>")
    if told:
        parts.append(f"<p>{escape(note(told))}</p>")
    if diff:
        parts.append(f'<pre class="diff" tabindex="0">{diff_markup(diff)}</pre>')
    if file.before_sha256 or file.after_sha256:
        before, after = (escape((digest or "no file")[:16]) for digest in (file.before_sha256, file.after_sha256))
        parts.append(f"<p>SHA-256 {before} → {after}</p>")
    parts.append("</details>\n")
    return "".join(parts)


def _finding(text: str | None) -> str:
    return f'<div class="finding">{escape(note(text))}</div>' if text else ""


def _known(number: int | None, unknown: str = "?") -> str:
    return unknown if number is None else str(number)


def _second(at: datetime) -> str:
    return at.isoformat(" ", "seconds")[:19]


def _markup(parts: Iterable[str]) -> "Markup":
    from markupsafe import Markup

    return Markup("".join(parts))  # noqa: S704 -- every text in the parts was escaped above
