"""A tree of files as data: contents and executable bits by path; read from a folder, laid over another, written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path


@dataclass(frozen=True)
class File:
    """One file's bytes and whether its owner may execute it."""

    content: bytes
    executable: bool = False


Tree = Mapping[str, File]


def read_tree(folder: Path, *, without: Iterable[str] = ()) -> dict[str, File]:
    """Return every file below a folder; an absent folder is empty. `without` names files and folders left out."""
    left_out = set(without)
    return {
        relative.as_posix(): File(path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and left_out.isdisjoint((relative := path.relative_to(folder)).parts)
    }


def write_tree(folder: Path, tree: Tree) -> Path:
    """Write the files below a folder, over those that stand there."""
    for path, file in tree.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)
    return folder


def laid_over(under: Tree, over: Tree, *, without: Iterable[str] = ()) -> dict[str, File]:
    """Return both trees as one: where both have a file, it is that of `over`; the files of `without` are gone."""
    gone = set(without)
    return {path: file for path, file in sorted({**under, **over}.items()) if path not in gone}


def contents(tree: Tree) -> dict[str, bytes]:
    """Return the bytes alone."""
    return {path: file.content for path, file in tree.items()}


def differences(tree: Tree, expected: Tree) -> str:
    """Return in which files a tree differs from the expected one, and how; nothing, where it does not."""
    return "\n".join(
        _difference(path, tree.get(path), expected.get(path))
        for path in sorted(set(tree) | set(expected))
        if tree.get(path) != expected.get(path)
    )


def _difference(path: str, file: File | None, expected: File | None) -> str:
    if file is None or expected is None:
        return f"{path}: {'missing' if file is None else 'not expected'}"
    if file.content == expected.content:
        return f"{path}: executable {file.executable}, expected {expected.executable}"
    lines = [repr(line) for line in file.content.splitlines(keepends=True)]
    wanted = [repr(line) for line in expected.content.splitlines(keepends=True)]
    return "\n".join(unified_diff(wanted, lines, f"expected {path}", f"{path} as it is", lineterm="", n=1))
