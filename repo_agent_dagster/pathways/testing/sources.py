"""The program files of a clone that a prompt is about, and a test file to write others after."""

import posixpath
import re
from collections.abc import Iterable
from secrets import token_hex
from typing import TYPE_CHECKING

from repo_agent_dagster.pathways.testing.words import Candidate, matching
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

SHOWN_FILES = 5
SHOWN_BYTES = 60_000
EXAMPLE_BYTES = 12_000

_SECONDS = 60
_MAX_BYTES = 4 << 20
_DEFINED = (
    r"^[[:space:]]*((async[[:space:]]+)?(def|function)[[:space:]]|class[[:space:]]|export[[:space:]]|exports\."
    r"|module\.exports)"
)
_FILES = ("*.py", "*.js", "*.mjs", "*.cjs", "*.ts", "*.mts", "*.jsx", "*.tsx", "*.vue", "*.svelte")
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec|e2e)/|(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$|\.(?:test|spec)\."
)


def is_test(path: str) -> bool:
    """Whether a file is one of the tests, by its name and folder."""
    return bool(_TEST.search(path))


def read_sources(box: "Sandbox", path: str, folder: str) -> list[Candidate]:
    """Return the program files below a folder of the clone at `path`, each with what it defines."""
    place = f"/tmp/{token_hex(8)}"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
    globs = [f":(glob){posixpath.join(folder, '**', name)}" for name in _FILES]
    search = ["git", "-c", "core.quotePath=false", "grep", "-nIE", "-e", _DEFINED, "--", *globs]
    script = 'mkdir "$1" && "${@:2}" | cut -c -200 > "$1/lines"'
    box.exec(["bash", "-c", script, "search", place, *search], cwd=path, timeout_seconds=_SECONDS)
    try:
        lines = box.get(f"{place}/lines", max_bytes=_MAX_BYTES)
    except SandboxFileError:
        return []
    return sources_of(lines.decode("utf-8", "replace").splitlines())


def sources_of(lines: Iterable[str]) -> list[Candidate]:
    """Return the files that lines such as ``shop/cart.py:3:def total(items):`` tell of, without tests. Pure."""
    defined: dict[str, list[str]] = {}
    for line in lines:
        file, _, rest = line.partition(":")
        if not is_test(file):
            defined.setdefault(file, []).append(rest.partition(":")[2])
    return [Candidate(file, file, posixpath.basename(file), " ".join(texts)) for file, texts in defined.items()]


def sources_for(box: "Sandbox", path: str, prompt: str, candidates: list[Candidate]) -> dict[str, str]:
    """Return the texts of the files that share the prompt's words, the best first; all, where there are but few."""
    best = matching(prompt, candidates, most=SHOWN_FILES)
    chosen = best or (candidates if len(candidates) <= SHOWN_FILES else [])
    texts = {one.file: read_text(box, f"{path}/{one.file}", SHOWN_BYTES) for one in chosen}
    return {file: text for file, text in texts.items() if text}


def read_text(box: "Sandbox", path: str, most: int) -> str:
    """Return a file of the sandbox as text; empty where there is none that could be shown."""
    try:
        return box.get(path, max_bytes=most).decode()
    except (SandboxFileError, UnicodeDecodeError):
        return ""
