"""The quarantine: for each object with broken lines, a file that names them, so that none is lost silently."""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import IO

from repo_agent_dagster.redaction import LineRedactor, redact

MAX_ENTRIES = 10_000
MAX_TEXT_CHARACTERS = 2000


def quarantine_path(folder: Path, source: str, day: date, object_name: str) -> Path:
    """Return where an object's broken lines of a day are kept, below the quarantine folder."""
    readable = re.sub(r"[^\w.-]+", "_", object_name)[-80:].lstrip(".")
    identity = hashlib.sha256(object_name.encode()).hexdigest()[:8]
    return folder / re.sub(r"[^\w-]+", "_", source) / day.isoformat() / f"{readable}-{identity}.jsonl"


class Quarantine:
    """Collects one object's broken lines in a draft; `keep` makes a file of it that is named by the object's digest.

    So the file of an earlier state is not touched, and can be removed when the ledger no longer names it.
    The file is JSONL: ``{"line": 7, "reason": "…", "text": "…"}``, texts redacted and cut. After `MAX_ENTRIES` lines
    are counted but no longer written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._draft_path = path.with_name(path.name + ".draft")
        self._draft: IO[str] | None = None
        self._redactor = LineRedactor()  # a private key may go over several broken lines

    def add(self, line: int, reason: str, text: str) -> None:
        """Note a broken line by its number (from 1) in the object."""
        self.count += 1
        if self.count > MAX_ENTRIES:
            return
        if self._draft is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._draft = self._draft_path.open("w", encoding="utf-8")
        text = self._redactor.redact(text[: 2 * MAX_TEXT_CHARACTERS])[:MAX_TEXT_CHARACTERS]
        self._draft.write(json.dumps({"line": line, "reason": redact(reason), "text": text}) + "\n")

    def discard(self) -> None:
        """Forget the lines noted so far."""
        self.count = 0
        if self._draft is not None:
            self._draft.close()
            self._draft = None
            self._draft_path.unlink(missing_ok=True)

    def keep(self, digest: str) -> Path | None:
        """Make the notes the file for the object of this digest; return it, or None when no line was broken."""
        if self._draft is None:
            return None
        self._draft.close()
        self._draft = None
        path = self.path.with_name(f"{self.path.stem}-{digest[:12]}{self.path.suffix}")
        self._draft_path.replace(path)
        return path
