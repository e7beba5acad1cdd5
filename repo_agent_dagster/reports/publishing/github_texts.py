"""What a report says on GitHub: title, body and mark; redacted, since here it leaves the house, and bounded."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from repo_agent_dagster.github.marks import read_mark, written_mark
from repo_agent_dagster.pages.safety import clean, one_line, without_comments
from repo_agent_dagster.pages.wording import plural
from repo_agent_dagster.redaction import redact
from repo_agent_dagster.reports.publishing.documents import Outgoing
from repo_agent_dagster.store.report_targets import Document

MAX_TITLE_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 60_000
"""GitHub takes 65,536; the rest is for what closes a cut, the note on it, and the mark."""

_KIND, _WORDS = "report", 1
_NOTE = "*This is not all: the rest does not fit here. {where} shows it.*"
_FENCE = re.compile(r"(`{3,}|~{3,})")
_OPENING, _CLOSING = re.compile(r"<details\b"), re.compile(r"</details>")


def title_of(outgoing: Outgoing) -> str:
    """Return the title of a document's own issue, e.g. ``[Delivery] 42: 12 patches, 1 failed``."""
    name = "[Delivery]" if outgoing.document.kind == "order" else "[Week]"
    return one_line(redact(f"{name} {outgoing.document.id}: {_totals(outgoing.told)}"), MAX_TITLE_CHARACTERS)


def body_of(outgoing: Outgoing, key: bytes) -> str:
    """Return the text of the document's issue or comment, with its mark at the end."""
    shown = fitted(without_comments(redact(clean(outgoing.shortened(MAX_TEXT_CHARACTERS)))), _command(outgoing))
    footer = f"<sub>Version {outgoing.version}. This text is edited when there is a newer one.</sub>"
    return f"{shown.rstrip()}\n\n{footer}\n{mark_of(outgoing.document, key)}\n"


def mark_of(document: Document, key: bytes) -> str:
    """Return the mark by which our text on this document is found again."""
    return written_mark(_KIND, (digest_of(document),), key)


def digest_of(document: Document) -> str:
    """Return what names a document in a mark: its name itself is untrusted text of any length."""
    return hashlib.sha256(document.key.encode("utf-8", "surrogatepass")).hexdigest()


def marked_digest(body: str, key: bytes) -> str | None:
    """Return what names the document that a text of ours is on; None: it is on none."""
    words = read_mark(_KIND, _WORDS, body, key)
    return None if words is None else words[0]


def fitted(markdown: str, where: str) -> str:
    """Return the Markdown in at most about 60,000 characters: cut after a line, with what was open closed.

    `where` says in Markdown where all of it is.
    """
    if len(markdown) <= MAX_TEXT_CHARACTERS:
        return markdown
    kept: list[str] = []
    length, details, fence = 0, 0, ""
    for line in markdown.split("\n"):
        if length + len(line) + 1 > MAX_TEXT_CHARACTERS:
            break
        length += len(line) + 1
        kept.append(line)
        found = _FENCE.match(line.lstrip())
        if fence:
            fence = "" if found and found[1].startswith(fence) and not line.strip(f" {fence[0]}") else fence
        elif found:
            fence = found[1]
        else:
            details += len(_OPENING.findall(line)) - len(_CLOSING.findall(line))
    closing = [fence] if fence else []
    closing += ["", "</details>"] * max(details, 0)
    return "\n".join([*kept, *closing, "", _NOTE.format(where=where)])


def _totals(told: Mapping[str, Any]) -> str:
    totals = told.get("totals") or {}
    total, failed = int(totals.get("total", 0)), int(totals.get("failed", 0))
    return plural(total, "patch", "patches") + (f", {failed:,} failed" if failed else "")


def _command(outgoing: Outgoing) -> str:
    # No id in it: what stands between backticks would have to be quoted for a shell and for Markdown.
    return "`repo-agent reports show`" if outgoing.document.kind == "order" else "`repo-agent reports digest`"
