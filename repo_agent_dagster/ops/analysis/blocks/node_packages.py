"""npm, pnpm, Yarn and Bun: installations that failed, told once with all their lines."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, shown, trimmed, until

_NPM = re.compile(r"npm (?:ERR!|error)(?: (?P<what>.*))?$")
_CODE = re.compile(r"npm (?:ERR!|error) (?:code|errno) (?P<code>[A-Z]\w+)$")
_WANTED = re.compile(
    r"npm (?:ERR!|error)\s{1,20}(?:\w{1,20} )?(?P<what>@?[\w./-]{1,100})@\"[^\"]{0,99}\""
    r" from (?P<by>@?[\w./-]{1,100})@"
)
_NOISE = re.compile(
    r"npm (?:ERR!|error)\s*(?:$|A complete log|For a full report|See .*eresolve-report|/.*\.(?:log|txt)$|\s*/.*_logs/"
    r"|aliases:|Options:|Usage:|\[?-|Run \"npm help|npm (?:ci|install|i)\b|A complete)"
)
_LIFECYCLE = re.compile(
    r"npm (?:ERR!|error) (?:code ELIFECYCLE|Lifecycle script|Test failed|Exit status"
    r"|Failed at the|errno \d|path |workspace "
    r"|location |command |code \d|This is probably not|.*\bprepublish\b)"
)
_PNPM = re.compile(r"\s?(?:ERROR\s{2}|\[?(?P<rule>ERR_PNPM_\w+)\]?\s+)(?P<what>\S.*)$|.*\b(?P<rule2>ERR_PNPM_\w+)\b.*")
_YARN = re.compile(r"error (?!Command failed with|TS\d|during build)(?P<what>\S.*)$")
_BERRY = re.compile(r"➤ (?P<rule>YN(?!0000|0013|0019|0007|0008|0085)\d{4}): (?P<tree>[│└┌] )?(?P<what>\S.*)$")
_BERRY_WARNINGS = frozenset({"YN0002", "YN0060", "YN0061", "YN0068", "YN0086", "YN0076", "YN0005", "YN0004"})
_BUN = re.compile(
    r"error: (?P<what>(?:No version matching|\S+@\S+ failed to resolve|GET \S+ - \d{3}|lockfile had changes).*)"
)
_SPEAKS = ("npm ERR!", "npm error", "npm warn", "npm WARN")
HINTS = (
    "npm ERR!",
    "npm error",
    "ERR_PNPM",
    "\nerror ",
    "➤ YN",
    "error: No version",
    "failed to resolve",
    "lockfile had",
    " ERROR  ",
)
_SHOWN_LINES = 25


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each failed installation or command of a package manager."""
    index = 0
    while index < len(texts):
        text = texts[index]
        block = None
        if text.startswith("npm "):
            block = _npm(texts, index) if _NPM.match(text) else None
        elif "ERR_PNPM" in text or text.lstrip().startswith("ERROR  "):
            block = _pnpm(texts, index)
        elif text.startswith("error "):
            block = _yarn(texts, index)
        elif text.startswith("➤ "):
            block = _berry(texts, index)
        elif text.startswith("error: ") and (match := _BUN.match(text)):
            block = Block("bun", index, index + 1, (index,), shown(match["what"]))
        if block:
            yield block
        index = block.end if block else index + 1


def _npm(texts: Sequence[str], start: int) -> Block | None:
    end = until(texts, start + 1, lambda line: bool(line.strip()) and not line.startswith(_SPEAKS), 2000)
    lines = [index for index in range(start, end) if _NPM.match(texts[index])]
    telling = [index for index in lines if not _NOISE.match(texts[index])]
    if all(_LIFECYCLE.match(texts[index]) for index in telling):
        return None  # it only says that a script failed
    code = next((m["code"] for index in lines if (m := _CODE.match(texts[index]))), None)
    if code == "ELIFECYCLE":
        return None
    named = [index for index in telling if not _CODE.match(texts[index]) and not _LIFECYCLE.match(texts[index])]
    headline = re.sub(r"^npm (?:ERR!|error) ", "", texts[named[0]]) if named else code or texts[start]
    if code and code not in headline:
        headline = f"{code}: {re.sub(r'^[a-z]+ (?=[A-Z])', '', headline)}"
    if code == "ERESOLVE" and (wanted := next(filter(None, map(_WANTED.match, texts[start:end])), None)):
        headline = f"{headline}: {wanted['by']} wants {wanted['what']}"  # else all conflicts of a job read alike
    picked = telling[:12] if code == "EUSAGE" else telling[:_SHOWN_LINES]
    return Block("npm", start, lines[-1] + 1, trimmed(texts, picked), shown(headline), rule=code)


def _pnpm(texts: Sequence[str], start: int) -> Block | None:
    match = _PNPM.match(texts[start])
    if match is None or "ELIFECYCLE" in texts[start] or "RECURSIVE_RUN_FIRST_FAIL" in texts[start]:
        return None
    end = until(texts, start + 1, lambda line: line.startswith(("##", "[", ">")) or "ELIFECYCLE" in line, 25)
    picked = [start]
    for index in range(start + 1, end):
        if texts[index].startswith(("Progress:", "Done in", "Lockfile")):
            break
        picked.append(index)
    rule = match["rule"] or match["rule2"]
    what = match["what"] or texts[start]
    headline = f"{rule}: {what.strip()}" if rule and rule not in what else what
    lines = trimmed(texts, picked)
    return Block("pnpm", start, lines[-1] + 1, lines, shown(headline), rule=rule)


def _yarn(texts: Sequence[str], start: int) -> Block | None:
    match = _YARN.match(texts[start])
    yarn = any(text.startswith(("yarn ", "info Visit", "[1/", "[2/", "[3/")) for text in texts)
    if match is None or not yarn:
        return None
    end = until(
        texts, start + 1, lambda line: not line.strip() or line.startswith(("info ", "##", "$ ", "warning ")), 30
    )
    return Block("yarn", start, end, trimmed(texts, range(start, end)), shown(match["what"]))


def _berry(texts: Sequence[str], start: int) -> Block | None:
    match = _BERRY.match(texts[start])
    if match is None or match["rule"] in _BERRY_WARNINGS:
        return None
    end = until(texts, start + 1, lambda line: not ((m := _BERRY.match(line)) and m["rule"] == match["rule"]), 30)
    return Block(
        "yarn",
        start,
        end,
        trimmed(texts, range(start, end)),
        shown(f"{match['rule']}: {match['what']}"),
        rule=match["rule"],
    )
