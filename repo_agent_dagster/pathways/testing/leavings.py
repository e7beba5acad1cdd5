"""What tests leave behind that people want to see: screenshots, traces, logs and core files."""

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

MAX_FILES = 100
MAX_FILE_KB = 8 * 1024
MAX_BYTES = 32 << 20
MAX_PARTS, MAX_PART = 8, 60
"""Of an artifact's name: the last so many folders, and characters of each."""

_SECONDS = 60
_MARK = "/tmp/repo-agent-tests-began"  # noqa: S108 - a folder of the sandbox, which has one user and ends with the task
_UNFIT = re.compile(r"[^A-Za-z0-9@%+=_,~./-]")
# Only regular files that are newer than the mark; links are never followed.
_COLLECT = """
cd -- "$1" && mkdir -- "$2" && find . \\
    \\( -name node_modules -o -name .git -o -name .venv -o -name __pycache__ \\) -prune -o \\
    -type f -newer "$3" -size -"$4"k \\
    \\( -iname '*.png' -o -iname '*.jpg' -o -iname '*.webm' -o -name '*.log' -o -name 'core' -o -name 'core.[0-9]*' \\
       -o -path '*/test-results/*' -o -path '*/playwright-report/*' -o -path '*/screenshots/*' \\) -print0 \\
  | head -z -n "$5" | xargs -0 -r cp --parents --no-dereference -t "$2" --
"""


def mark_begin(box: "Sandbox") -> None:
    """Remember when the tests began: what is older was not left by them."""
    box.exec(["touch", _MARK], cwd="/", timeout_seconds=_SECONDS)


def take_leavings(box: "Sandbox", path: str) -> tuple[dict[str, bytes], str]:
    """Return what was left in the clone at `path` since `mark_begin`, and why it is not all, if it is not."""
    place = f"/tmp/{token_hex(16)}"  # noqa: S108 - as above
    arguments = ["collect", path, place, _MARK, str(MAX_FILE_KB), str(MAX_FILES)]
    done = box.exec(["bash", "-c", _COLLECT, *arguments], cwd="/", timeout_seconds=_SECONDS)
    try:
        files = box.get_tree(place, max_bytes=MAX_BYTES, max_files=MAX_FILES)
    except SandboxFileError as error:
        return {}, f"what the tests left cannot be taken: {error}"
    finally:
        box.exec(["rm", "-rf", "--", place], cwd="/", timeout_seconds=_SECONDS)
    problem = "" if done.ok else f"not all that the tests left could be taken: {done.output.strip()[-200:]}"
    return {artifact_name(name): content for name, content in files.items()}, problem


def artifact_name(name: str) -> str:
    """Return a file's name as the artifact store takes it: without parts that begin with a dot, and in its letters."""
    parts = [_UNFIT.sub("_", part).lstrip(".")[-MAX_PART:].lstrip(".") or "_" for part in name.split("/")]
    return "/".join(part for part in parts[-MAX_PARTS:])
