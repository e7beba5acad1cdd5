"""Git as these tests use it: an identity, no signing, protocols as they come; and objects that no git would write."""

import subprocess
from pathlib import Path


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git in a folder and return what it prints."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=stdin).stdout.decode().strip()


def commit(folder: Path, name: str, content: str) -> str:
    """Commit a file with this content, and return the commit's id."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", f"change {name}")
    return git(folder, "rev-parse", "HEAD")


def blob(folder: Path, content: bytes) -> str:
    """Write a blob and return its id."""
    return git(folder, "hash-object", "-w", "--stdin", stdin=content)


def tree(folder: Path, *entries: tuple[str, bytes, str]) -> str:
    """Write a tree of (mode, name, id), whatever the names, and return its id."""
    raw = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(found) for mode, name, found in entries)
    return git(folder, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)


def commit_tree(folder: Path, root: str, branch: str = "trunk") -> str:
    """Commit a tree on a branch that begins with it, and return the commit's id."""
    made = git(folder, "commit-tree", root, "-m", "made by hand")
    git(folder, "update-ref", f"refs/heads/{branch}", made)
    return made
