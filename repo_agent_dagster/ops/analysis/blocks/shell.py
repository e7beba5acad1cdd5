"""What a shell and common commands say when they cannot: git, curl, ssh, apt, kubectl, signals, missing files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, shown
from repo_agent_dagster.ops.analysis.blocks.telling_words import may_tell
from repo_agent_dagster.ops.analysis.model import Anchor


@dataclass(frozen=True, slots=True)
class _Saying:
    tool: str
    pattern: re.Pattern[str]
    exit_code: int | None = None


_SCRIPT = r"(?P<file>\S{1,200}?): (?:line )?(?P<line>\d+): "
_SAYINGS = (
    _Saying(
        "shell",
        re.compile(
            _SCRIPT + r"(?:\S{1,100}: )?(?:.*(?:command not found|not found|No such file or directory"
            r"|Permission denied|unbound variable|parameter not set|syntax error.*|unexpected .*"
            r"|bad substitution|cannot execute.*|Is a directory|parameter null or not set"
            r"|Text file busy))$"
        ),
    ),
    _Saying(
        "shell",
        re.compile(
            r"(?:/usr/bin/)?(?:bash|sh|zsh|env|node|python3?|ruby|sudo|dash|nice|timeout"
            r"|xargs): (?:.*(?:not found|No such file or directory|Permission denied"
            r"|failed to run command.*|can't open file.*|cannot open.*))$"
        ),
    ),
    _Saying("shell", re.compile(r"(?:zsh: )?command not found: (?:\S.*)"), 127),
    _Saying(
        "shell",
        re.compile(
            r"(?:cp|mv|rm|cat|ls|cd|mkdir|tar|chmod|chown|ln|touch|sed|awk|grep|find|unzip|install|dd"
            r"|rsync|tee|head|source|realpath|du|sort|gzip|zip|diff): (?:\S.*(?:No such file"
            r"|Permission denied|No space left|cannot |Cannot |error|failed|not found|unrecognized"
            r"|invalid|Is a directory).*)"
        ),
    ),
    _Saying(
        "shell",
        re.compile(
            r"(?:(?:\S{1,200}: line \d+:\s+\d+ )?(?:Killed|Segmentation fault|Aborted|Bus error"
            r"|Illegal instruction|Floating point exception|Terminated"
            r"|Trace/breakpoint trap)(?:\s+(?:\(core dumped\))?.*)?)$"
        ),
    ),
    _Saying(
        "shell",
        re.compile(
            r".*(?:JavaScript heap out of memory|java\.lang\.OutOfMemoryError.*"
            r"|Out of memory: Kill.*|Memory cgroup out of memory.*|oom-kill:.*|OOMKilled"
            r"|fatal error: runtime: out of memory|virtual memory exhausted.*"
            r"|c\+\+: fatal error: Killed signal.*|MemoryError|ran out of memory.*"
            r"|Cannot allocate memory.*|std::bad_alloc.*|LLVM ERROR: out of memory"
            r"|signal: 9, SIGKILL.*)"
        ),
    ),
    _Saying(
        "shell",
        re.compile(
            r".*(?:No space left on device|ENOSPC.*|[Dd]isk quota exceeded"
            r"|database or disk is full).*"
        ),
    ),
    _Saying(
        "git",
        re.compile(
            r"(?:remote: )?(?:fatal: [^\s\[].*|error: (?:failed to push|pathspec|RPC failed"
            r"|Your local changes|could not (?:apply|lock|fetch)|cannot lock|unable to|src refspec"
            r"|The following untracked|object file|inflate|remote unpack|patch failed).*"
            r"|remote: (?:error|fatal|Invalid|Permission|Repository not found|Support for password).*"
            r"|CONFLICT \(.*|\s*! \[(?:remote )?rejected\].*|Automatic merge failed.*)"
        ),
    ),
    _Saying(
        "git",
        re.compile(
            r"(?:ERROR: Repository not found\.?|Error downloading object: .*|batch response: .*|Smudge error: .*"
            r"|error: failed to fetch some objects.*|This repository (?:is over its|exceeded its) .*)"
        ),
    ),
    _Saying(
        "curl",
        re.compile(
            r"(?:curl: \(\d+\) .*)|(?:wget: (?:unable to|server returned|bad address"
            r"|download timed out).*)|.*(?:ERROR \d{3}: .*)"
        ),
    ),
    _Saying(
        "ssh",
        re.compile(
            r"(?:(?:ssh|scp|rsync|kex_exchange_identification): .*(?:refused|timed out|closed"
            r"|Could not|reset|error).*)"
        ),
    ),
    _Saying(
        "apt",
        re.compile(
            r"(?:E: \S.*|W: Failed to fetch .*|Err:\d+ .*|\s{2}(?:Temporary failure|Could not"
            r"|Unable to|404\s|Connection|Hash Sum).*)"
        ),
    ),
    _Saying(
        "kubernetes",
        re.compile(
            r"(?:(?:Error from server|error: (?:timed out waiting|the server|unable to"
            r"|You must be logged|deployment|no matching resources|resource|context|a container name"
            r"|error (?:parsing|validating))|Unable to connect to the server"
            r"|Error: (?:INSTALLATION FAILED|UPGRADE FAILED|Kubernetes cluster|release|chart"
            r"|failed to download|timed out|context deadline)).*)"
        ),
    ),
    _Saying(
        "terraform",
        re.compile(
            r"(?:Error: (?:Failed to|Error |Invalid|Missing|Unsupported|Reference|Unable"
            r"|No valid|Inconsistent|Provider|creating|reading|updating|deleting|waiting|error).*)"
        ),
    ),
    _Saying("gitlab", re.compile(r"ERROR: Job failed(?: \(system failure\))?: (?!exit |command terminated).*")),
    _Saying("wrangler", re.compile(r"\s*(?:✘|X) ?\[ERROR\] (?:.*)")),
    _Saying("shell", re.compile(r"(?:(?:Failed to (?:start|connect to bus)|Job for \S+ failed).*)")),
    _Saying("xcode", re.compile(r"(?:\*\* (?:BUILD|TEST|ARCHIVE) FAILED \*\*|xcodebuild: error: .*)")),
    _Saying(
        "shell",
        re.compile(
            r"(?:.*(?:[Tt]imed out after \d+|timeout: sending signal"
            r"|exceeded the maximum execution time|has exceeded the .{0,40}time.?out|ETIMEDOUT).*)"
        ),
    ),
    _Saying(
        "shell",
        re.compile(
            r".*(?:(?:getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|ECONNREFUSED|ECONNRESET"
            r"|Temporary failure in name resolution|Could not resolve host|Name or service not known"
            r"|TLS handshake timeout|certificate verify failed|SSL certificate problem|no such host"
            r"|i/o timeout|connection refused|Connection refused|network is unreachable).*)"
        ),
    ),
)


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each line in which a command tells why it cannot go on."""
    for index, text in enumerate(texts):
        if len(text) > 2000 or not may_tell(text):
            continue
        for saying in _SAYINGS:
            if match := saying.pattern.match(text):
                named = match.groupdict()
                file = named.get("file")
                anchors = (Anchor(file, int(named["line"] or 0)),) if file and "." in file else ()
                exit_code = (
                    127
                    if "command not found" in text
                    else 137
                    if "Killed" in text
                    else 139
                    if "Segmentation" in text
                    else saying.exit_code
                )
                yield Block(
                    saying.tool,
                    index,
                    index + 1,
                    (index,),
                    shown(text),
                    anchors=anchors,
                    exit_code=exit_code,
                    rank=Rank.CRASH,
                )
                break
