"""The case that patching is measured by: 1,000 replaced blocks in 200 files of 500 lines, in a git repository."""

import random
import subprocess
from pathlib import Path
from typing import Any

FILES, LINES, OPERATIONS_PER_FILE = 200, 500, 5
SEED = 7


def make_tree(root: Path) -> None:
    """Fill a git repository with the files, all committed."""
    chance = random.Random(SEED)
    for number in range(FILES):
        path = root / file_name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"value_{line} = {chance.randrange(10**9)}  # of file {number}\n" for line in range(LINES))
        path.write_text("".join(lines))
    commit_all(root)


def commit_all(root: Path) -> None:
    """Make the folder a git repository with all of its files in one commit."""
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "tree"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)


def file_name(number: int) -> str:
    """Return the path of the n-th file."""
    return f"src/m{number // 20:02}/file{number:03}.py"


def make_batch() -> dict[str, Any]:
    """Five replaced blocks in each file, 1 to 4 lines long, by as many or other ones."""
    chance = random.Random(SEED)
    patches = []
    for number in range(FILES):
        for start in sorted(chance.sample(range(10, LINES - 20, 12), OPERATIONS_PER_FILE)):
            block = "\n".join(f"changed = {chance.randrange(10**9)}" for _ in range(chance.randint(1, 4)))
            patches.append(
                {
                    "op": "replace-block",
                    "file": file_name(number),
                    "start": start,
                    "end": start + chance.randint(0, 3),
                    "block": block,
                }
            )
    return {"orderId": "bench", "patches": patches}
