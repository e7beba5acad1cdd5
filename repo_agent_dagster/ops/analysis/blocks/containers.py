"""Docker builds (BuildKit's and the classic builder's) and Terraform: the instruction or resource that failed."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until
from repo_agent_dagster.ops.analysis.model import Anchor

_SOLVE = re.compile(
    r"(?:ERROR: |error: )?(?:failed to (?:solve|build)"
    r"|failed to solve with frontend \S+)[:,]? ?(?P<what>.*)|ERROR: (?P<what2>process \".*)"
)
_PROCESS = re.compile(
    r'process "(?P<command>.{1,1000}?)" did not complete successfully: (?:exit code: (?P<code>\d+)|(?P<how>.*))'
)
_CLASSIC = re.compile(r"The command '(?P<command>.{1,1000}?)' returned a non-zero code: (?P<code>\d+)")
_STEP = re.compile(r"(?:#\d+ |ERROR: )?ERROR: (?P<what>.*)")
_FILE = re.compile(r"(?P<file>\S{0,200}Dockerfile\S{0,60}):(?P<line>\d+)$")
_EXCERPT = re.compile(r"\s*> \[|\s*\d+ \| >>> ")
_DAEMON = re.compile(
    r"(?:docker: )?Error response from daemon: (?P<what>.*)"
    r"|(?:ERROR: )?(?P<what2>Cannot connect to the Docker daemon.*|denied: .*|unauthorized: .*"
    r"|toomanyrequests: .*)|failed to push .*"
)
_PULL = re.compile(r"(?:COPY|ADD) failed: (?P<what>.*)")
_REFUSALS = ("toomanyrequests", "denied:", "unauthorized:")
_BOX = re.compile(r"[│|╷]?\s*Error: (?P<what>\S.*)")
HINTS = (
    "failed to solve",
    "failed to build",
    "non-zero code",
    "Error response from daemon",
    "COPY failed",
    "ADD failed",
    "denied: ",
    "unauthorized: ",
    "toomanyrequests",
    "Docker daemon",
    "│ Error: ",
    "\nError: ",
    "did not complete successfully",
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed build, with the place in the Dockerfile and the command's exit code."""
    index = 0
    terraform = any("erraform" in text or "tofu" in text for text in texts)
    while index < len(texts):
        text = texts[index]
        block = None
        if ("failed to solve" in text or "failed to build" in text) and (match := _SOLVE.match(text)):
            block = _solve(texts, index, match["what"] or "")
        elif match := _CLASSIC.match(text):
            block = Block(
                "docker",
                index,
                index + 1,
                (index,),
                shown(text),
                wraps=True,
                command=match["command"].removeprefix("/bin/sh -c "),
                exit_code=int(match["code"]),
            )
        elif match := _PULL.match(text):
            block = Block("docker", index, index + 1, (index,), shown(text))
        elif match := _DAEMON.match(text):
            block = Block("docker", index, index + 1, (index,), shown(match["what"] or match["what2"] or text))
        elif terraform and text.startswith("Error: ") and index + 1 < len(texts) and not texts[index + 1].strip():
            end = until(texts, index + 1, lambda line: line.startswith(("Error: ", "##", "╷", "Warning: ")), 25)
            block = _resource(texts, index, _without_advice(texts, index, end), text.removeprefix("Error: "))
        elif text.startswith(("│ Error: ", "| Error: ")) and (match := _BOX.match(text)):
            end = until(texts, index, lambda line: line.startswith("╵") or not line.strip(), 60)
            block = _resource(texts, index, end, match["what"])
        if block:
            yield block
        index = block.end if block else index + 1


def _resource(texts: Sequence[str], start: int, end: int, what: str) -> Block:
    """Return Terraform's error: what is wrong, the place in the configuration, the explanation."""
    at = re.search(r"on (\S{1,200}\.tf\w*) line (\d+)", "\n".join(texts[start:end]))
    anchors = (Anchor(at[1], int(at[2])),) if at else ()
    return Block("terraform", start, end, trimmed(texts, range(start, end)), shown(what), anchors=anchors)


def _without_advice(texts: Sequence[str], start: int, end: int) -> int:
    """Return where the explanation ends: after three paragraphs, or where the next program speaks."""
    paragraphs = 0
    for index in range(start + 1, end):
        if texts[index].strip() and not texts[index - 1].strip():
            paragraphs += 1
            if paragraphs > 3:
                return index
    return end


def _solve(texts: Sequence[str], index: int, what: str) -> Block:
    """Return the block of BuildKit's last line and the excerpts above it: the step's last output, the Dockerfile."""
    start = index
    for above in range(index - 1, max(-1, index - 60), -1):
        text = texts[above]
        if text.startswith(" > [") or text.startswith("> ["):
            start = above
            break
    excerpt = [i for i in range(start, index) if _EXCERPT.match(texts[i]) or _FILE.match(texts[i].strip())]
    file = next((match for text in texts[start:index] if (match := _FILE.match(text.strip()))), None)
    last = until(texts, index + 1, lambda line: not line.startswith(_REFUSALS), 5)
    process = _PROCESS.search(what)
    step_error = next((i for i in range(start - 1, max(-1, start - 8), -1) if _STEP.match(texts[i])), None)
    said = [i for i in range(start + 1, index) if start < index and not texts[i].startswith("---")]
    stop = next((i for i in said if texts[i].startswith("---") or _FILE.match(texts[i].strip())), index)
    output = [i for i in said if i < stop and texts[i].strip()]
    command = process["command"].removeprefix("/bin/sh -c ") if process else None
    return Block(
        "docker",
        start,
        last,
        trimmed(
            texts, [*output[-10:], *excerpt, *([step_error] if step_error is not None else []), *range(index, last)]
        ),
        shown(what),
        anchors=(Anchor(file["file"], int(file["line"])),) if file else (),
        command=command,
        exit_code=int(process["code"]) if process and process["code"] else None,
        wraps=process is not None,
    )
