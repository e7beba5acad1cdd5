"""Package managers of other worlds: Composer and Bundler, whose requirements cannot be met."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until

_COMPOSER = re.compile(r"\s*Your (?:requirements could not be resolved|lock file does not contain a compatible set).*")
_BUNDLER = re.compile(
    r"(?:Bundler could not find compatible versions for gem .*|Could not find (?:compatible versions|gem '.{1,300}).*"
    r"|Could not find \S+-\d\S* in .*)"
)
_ENDS = ("##", "$ ", "+ ", "Use the option", "You can also try", "Running ")
HINTS = ("Your requirements could not", "Your lock file does not", "Bundler could not find", "Could not find ")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each resolution that failed, with the packages that it names."""
    index = 0
    while index < len(texts):
        text = texts[index]
        tool = ""
        if len(text) <= 1000:
            tool = (
                "composer"
                if _COMPOSER.match(text)
                else "bundler"
                if text.startswith(("B", "Could")) and _BUNDLER.match(text)
                else ""
            )
        if not tool:
            index += 1
            continue
        end = until(texts, index + 1, lambda line: line.startswith(_ENDS) or line[:1] not in ("", " ", "\t"), 40)
        lines = trimmed(texts, (i for i in range(index, end) if texts[i].strip()))
        problem = next((texts[i].strip(" -") for i in lines if texts[i].strip().startswith("- ")), "")
        what = text.strip().rstrip(".")
        yield Block(tool, index, lines[-1] + 1, lines, shown(f"{what}: {problem}" if problem else what))
        index = end
