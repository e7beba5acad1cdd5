"""The check that needs nothing: Python files that do not compile. Nothing is executed and nothing is written."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from repo_agent_dagster.patching.checks.checker import NOTHING, Overlay
from repo_agent_dagster.patching.checks.findings import Finding

_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "venv"}


class PythonSyntaxChecker:
    """Finds Python files that do not compile, outside hidden folders, virtual environments and node_modules."""

    name = "python syntax"

    def check(self, root: Path, overlay: Overlay = NOTHING, *, changed: Collection[str] = ()) -> Sequence[Finding]:
        """Return a finding for each file with a syntax error."""
        on_disk = {path.relative_to(root).as_posix(): path for path in _python_files(root)}
        seen = {name: path.read_bytes() for name, path in on_disk.items() if name not in overlay}
        seen |= {name: content for name, content in overlay.items() if content is not None and _is_source(name)}
        return [found for name in sorted(seen) if (found := syntax_error(name, seen[name])) is not None]

    def close(self) -> None:
        """Do nothing: nothing runs for it."""


def syntax_error(name: str, source: bytes) -> Finding | None:
    """Return what keeps a source from compiling, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "invalid escape sequence" and its like are no errors
            compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        return Finding(name, error.lineno or 0, "syntax", error.msg)
    except (ValueError, RecursionError, MemoryError) as error:  # a NUL in the source; nested beyond the parser's limits
        return Finding(name, 0, "syntax", str(error) or type(error).__name__)
    return None


def _is_source(name: str) -> bool:
    *folders, last = name.split("/")
    return last.endswith(".py") and not any(_is_skipped(folder) for folder in folders)


def _is_skipped(folder: str) -> bool:
    return folder.startswith(".") or folder in _SKIPPED_FOLDERS


def _python_files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            if not _is_skipped(entry.name):
                yield from _python_files(entry)
        elif entry.suffix == ".py":
            yield entry
