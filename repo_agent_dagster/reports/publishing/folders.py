"""Publish into a folder, or under a prefix of the artifact store: the same files, each replaced whole."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.publishing.documents import CHARTS_FOLDER
from repo_agent_dagster.reports.publishing.outcomes import NotNow, Placed, Refused

if TYPE_CHECKING:
    from repo_agent_dagster.artifacts import ArtifactStore


def into_folder(root: str, name: str, files: Iterable[tuple[str, str]]) -> Placed:
    """Write the files into ``root/name``; one that is there with the same text is left alone.

    Charts of an earlier version that this one has not are removed. Whoever is killed in it leaves whole files, old and
    new ones, which the next call brings up to date.

    Raises:
        NotNow: the folder cannot be written now.
    """
    folder = Path(root) / name
    written: set[Path] = set()
    try:
        for part, text in files:
            path = folder / part
            written.add(path)
            if not _holds(path, text):
                write_whole(path, text)
        for stale in set((folder / CHARTS_FOLDER).glob("*.svg")) - written:
            stale.unlink(missing_ok=True)
    except OSError as error:
        raise NotNow(f"{folder} cannot be written: {error.strerror or error}; see to its disk and rights") from error
    return Placed(str(folder))


def into_artifacts(
    store: "ArtifactStore", prefix: str, name: str, files: Iterable[tuple[str, str]], check: Callable[[], None]
) -> Placed:
    """Keep the files under ``prefix/name`` of the artifact store; `check` is called before each.

    Raises:
        NotNow: the store does not answer.
        Refused: it takes no such objects.
    """
    from repo_agent_dagster.artifacts import ArtifactError, ArtifactUnavailable

    try:
        for part, text in files:
            check()
            store.put(f"{prefix}/{name}/{part}", text.encode("utf-8", "replace"))
        return Placed(store.url(f"{prefix}/{name}/report.html"))
    except ArtifactUnavailable as fault:
        raise NotNow(str(fault)) from fault
    except ArtifactError as fault:
        raise Refused(str(fault)) from fault


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode("utf-8", "replace")
    except FileNotFoundError:
        return False
