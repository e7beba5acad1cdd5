"""Workspaces as values: what is in them, and how to fill them."""

import os
import stat
from pathlib import Path

Snapshot = dict[str, tuple[bytes, int]]


def snapshot(root: Path) -> Snapshot:
    """Every file's bytes and permissions, by its path; git's folder and the engine's own are left out."""
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), stat.S_IMODE(path.lstat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", ".mission_control"} & set(path.relative_to(root).parts)
    }


def folders(root: Path) -> set[str]:
    """Every folder, the engine's own left out."""
    return {
        Path(path).relative_to(root).as_posix()
        for path, _, _ in os.walk(root)
        if not {".git", ".mission_control"} & set(Path(path).relative_to(root).parts)
    }


def fill(root: Path, files: dict[str, bytes]) -> None:
    """Write files, making their folders."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
