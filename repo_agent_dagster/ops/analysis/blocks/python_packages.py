"""pip, uv, Poetry and conda: requirements that cannot be met, packages that cannot be built."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until

_PIP = re.compile(
    r"ERROR: (?P<what>(?:Could not find a version|No matching distribution|Cannot install"
    r"|ResolutionImpossible|Failed building wheel"
    r"|Failed to build|Could not build wheels|Could not install packages"
    r"|Could not open requirements file|Invalid requirement"
    r"|Package '?.{1,80}'? requires a different Python|Ignored the following|Exception:|.*is not a supported wheel"
    r"|Command errored out|THESE PACKAGES DO NOT MATCH THE HASHES|HTTP error \d+"
    r"|In --require-hashes|Directory '|Hashes are required"
    r"|unsatisfiable|Double requirement|Error \[|Operation cancelled|Cannot uninstall"
    r"|Could not detect requirement|.*pip's dependency resolver).*)"
)
_BUILD = re.compile(
    r"\s*error: (?:subprocess-exited-with-error|metadata-generation-failed|externally-managed-environment)"
)
_UV_START = re.compile(
    r"\s*(?:×|error:) (?P<what>(?:No solution found|Failed to (?:build|download|fetch|prepare"
    r"|resolve|parse|install|read|query|generate|extract)|The lockfile at|Request failed"
    r"|.*not found in the (?:package )?(?:registry|index)|Because |Distribution ).*)"
)
_REASON_LINES = 6
_UV_GOES_ON = re.compile(r"\s+|[╰├│]|hint:|Caused by:")
_POETRY = re.compile(
    r"(?P<what>(?:Because .{1,200} (?:depends on|requires)"
    r"|The current project's (?:supported Python|Python requirement)"
    r"|pyproject\.toml changed significantly|Unable to find installation candidates"
    r"|.*SolverProblemError|version solving failed).*)"
)
_CONDA = re.compile(
    r"(?P<what>(?:UnsatisfiableError|ResolvePackageNotFound|PackagesNotFoundError"
    r"|LibMambaUnsatisfiableError|CondaHTTPError):.*)"
)
HINTS = (
    "ERROR: ",
    "error: ",
    "× ",
    "version solving",
    "Because ",
    "SolverProblem",
    "Unsatisfiable",
    "NotFoundError:",
    "installation candidates",
    "pyproject.toml changed",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed installation, with all lines that explain it."""
    index = 0
    while index < len(texts):
        block = None
        text = texts[index].lstrip()
        if text.startswith("ERROR: ") and _PIP.match(text):
            block = _pip(texts, index)
        elif _BUILD.match(text):
            block = _subprocess(texts, index)
        elif text.startswith(("×", "error: ")) and (match := _UV_START.match(text)):
            end = until(texts, index + 1, lambda line: bool(line.strip()) and not _UV_GOES_ON.match(line), 60)
            what = _with_the_reason(match["what"], texts[index + 1 : end])
            block = Block("uv", index, end, trimmed(texts, range(index, end)), shown(what))
        elif (text.startswith(("Because ", "The current ", "pyproject", "Unable ")) or "olv" in text) and (
            match := _POETRY.match(text)
        ):
            end = until(texts, index + 1, lambda line: line.startswith(("##", "+ ", "$ ")), 20)
            block = Block("poetry", index, end, trimmed(texts, range(index, end)), shown(match["what"]))
        elif match := _CONDA.match(text):
            end = until(texts, index + 1, lambda line: line.startswith(("##", "+ ", "$ ")), 25)
            block = Block("conda", index, end, trimmed(texts, range(index, end)), shown(match["what"]))
        if block:
            yield block
        index = block.end if block else index + 1


def _with_the_reason(what: str, below: Sequence[str]) -> str:
    """Return a headline that bears the package's name: uv tells it in the lines below, one sentence in a box."""
    if not what.startswith("No solution found"):
        return what
    reason = " ".join(line.strip(" ╰─▶│├") for line in below[:_REASON_LINES] if line.strip())
    return f"{what.rstrip(':')}: {reason.partition(' hint: ')[0]}" if reason else what


def _pip(texts: Sequence[str], start: int) -> Block:
    """pip tells its conflict before or after the line that names it; all of them are one failure."""
    first, last = start, start
    for index in range(start - 1, max(-1, start - 25), -1):
        text = texts[index].strip()
        if text.startswith(
            (
                "The conflict is caused by",
                "The user requested",
                "error: ",
                "× ",
                "ERROR: Cannot install",
                "[end of output]",
            )
        ) or (texts[index].startswith("    ") and first < start):
            first = index
        elif text and not texts[index].startswith(" "):
            break
    index = start + 1
    while index < min(len(texts), start + 40):
        text = texts[index]
        if _PIP.match(text) or text.startswith(
            (
                " ",
                "The conflict is caused by",
                "To fix this you could",
                "1. loosen",
                "2. remove",
                "You can",
                "Additionally,",
            )
        ):
            last = index if not text.startswith(("To fix", "1. loosen", "2. remove")) else last
        elif text.strip() and not text.startswith(("ERROR: For more help", "ERROR: ")):
            break
        index += 1
    lines = range(first, last + 1)
    conflict = next((texts[i] for i in lines if "Cannot install" in texts[i]), None)
    missing = next((texts[i] for i in lines if "No matching distribution" in texts[i]), None)
    headline = (conflict or missing or texts[start]).removeprefix("ERROR: ")
    return Block("pip", first, last + 1, trimmed(texts, lines), shown(headline))


_OUTPUT = re.compile(r"\s*╰─> \[\d+ lines? of output\]|\s*╰─> (?:See above|No available output)")
_TELLING = re.compile(r".*(?:[Ee]rror\b|ERROR|fatal|not found|No such file|[Cc]annot|failed|Failed|missing)")


def _subprocess(texts: Sequence[str], start: int) -> Block:
    """A build that failed below pip: its last words stand in a box of output."""
    end = until(texts, start + 1, lambda line: "[end of output]" in line, 1500)
    end = min(end + 1, len(texts))
    stop = until(
        texts,
        end,
        lambda line: (
            bool(line.strip()) and not line.lstrip().startswith(("note: ", "error: ", "╰─> See", "× ", "│ ", "hint: "))
        ),
        12,
    )
    tail = [
        i for i in range(max(start, end - 14), end) if _TELLING.match(texts[i]) and "[end of output]" not in texts[i]
    ]
    head = [i for i in range(start, min(end, start + 5)) if texts[i].strip().startswith(("error:", "×", "│ exit"))]
    said = next((texts[i] for i in reversed(tail) if "subprocess-exited" not in texts[i]), None)
    ran = next((texts[i].strip(" ×") for i in head if "×" in texts[i]), "error: subprocess-exited-with-error")
    closing = [i for i in range(end, stop) if texts[i].lstrip().startswith(("error: ", "× "))]
    return Block(
        "pip", start, stop, trimmed(texts, [*head, *tail[-8:], *closing]),
        shown(f"{ran.strip()} {said.strip()}" if said else ran),
    )  # fmt: skip
