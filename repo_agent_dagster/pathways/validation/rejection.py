"""Why git did not take a patch, in its own words, with the hunk that it means and what to do. Pure."""

import itertools
import re

from repo_agent_dagster.contracts.validation import PatchProblem

EXCERPT_LINES = 20

# Git's messages (LC_ALL=C), the weightiest first.
_PROBLEMS: tuple[tuple[str, PatchProblem], ...] = (
    (r"corrupt (?:binary )?patch|patch fragment without header|unrecognized (?:input|binary patch)", "corrupt"),
    (r"lacks filename information", "corrupt"),
    (r"invalid path|invalid start of filename", "unsafe_path"),
    (r"beyond a symbolic link|wrong type", "not_regular"),
    (r"cannot apply binary patch .* without full index line", "binary_without_content"),
    (r"[Nn]o valid patches in input", "no_diff"),
)


def problem_of(git_output: str) -> PatchProblem:
    """Return the kind of problem that git's messages tell of."""
    return next((problem for pattern, problem in _PROBLEMS if re.search(pattern, git_output)), "conflict")


def explain_rejection(git_output: str, diff: str) -> str:
    """Return git's message with the hunk that did not fit, where git names one."""
    message = git_output.strip() or "git apply rejected the patch without saying why"
    found = re.search(r"^error: patch failed: (.+):(\d+)$", git_output, re.MULTILINE)
    hunk = _hunk(diff, found[1], found[2]) if found else ""
    return f"{message}\nThe hunk that does not fit:\n{hunk}" if hunk else message


def _hunk(diff: str, file: str, line: str) -> str:
    """Return the hunk of a file that begins at that line of its old text; empty where the diff has none such."""
    lines = diff.splitlines()
    current = ""
    for index, text in enumerate(lines):
        if text.startswith("--- ") and lines[index + 1 : index + 2] and lines[index + 1].startswith("+++ "):
            current = text[4:].split("\t")[0].removeprefix("a/")
        elif file.endswith(current) and text.startswith((f"@@ -{line},", f"@@ -{line} ")):
            return "\n".join([text, *_body(lines[index + 1 :])])
    return ""


def _body(lines: list[str]) -> list[str]:
    taken = list(itertools.takewhile(lambda text: text[:1] in (" ", "+", "-", "\\") and text[:4] != "--- ", lines))
    cut = [f"… {len(taken) - EXCERPT_LINES} more lines"] if len(taken) > EXCERPT_LINES else []
    return [*taken[:EXCERPT_LINES], *cut]
