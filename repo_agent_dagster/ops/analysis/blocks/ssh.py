"""SSH: keys that are refused, hosts that are not known, and what git and rsync say of it."""

import re
from collections.abc import Iterator, Sequence

from repo_agent_dagster.ops.analysis.blocks.block import Block, Rank, shown, trimmed, until

_WHY = re.compile(
    r"(?:\S{1,200}@\S{1,200}: )?Permission denied \((?:publickey|password|keyboard|gssapi).*"
    r"|No \S{1,40} host key is known for .*|Host key for \S{1,200} has changed.*|Load key \".{1,300}\": .*"
    r"|Received disconnect from .*|ssh: connect to host .*|ssh: Could not resolve hostname .*"
    r"|kex_exchange_identification: .*|\S{1,200}: Permission denied, please try again.*"
)
_BANNER = re.compile(r"@{20,}\s*$")
_ALSO = re.compile(
    r"Host key verification failed\.?|lost connection|(?:rsync|scp|sftp)(?: error)?: .*|Connection (?:closed|reset) .*"
    r"|fatal: Could not read from remote repository\.?|Please make sure you have the correct access rights"
    r"|and the repository exists\.?|\s*$|client_loop: .*|ssh_exchange_identification: .*|@"
)
_BETWEEN = 15
HINTS = ("Permission denied (", "ost key", "Load key ", "ssh: ", "kex_exchange", "Permission denied, please")


def read(texts: Sequence[str]) -> Iterator[Block]:
    """Yield one block for each connection that was refused, with what the programs that wanted it say."""
    index = 0
    while index < len(texts):
        text = texts[index]
        if len(text) > 1000 or not (_WHY.match(text) or text.startswith("Host key verif") or _BANNER.match(text)):
            index += 1
            continue
        start = index
        if _BANNER.match(text):
            index = until(texts, index, lambda line: line.startswith("Host key "), _BETWEEN)
            if index >= len(texts) or not texts[index].startswith("Host key "):
                index = start + 1
                continue
        end = until(
            texts, index + 1, lambda line: len(line) > 1000 or not (_ALSO.match(line) or _WHY.match(line)), _BETWEEN
        )
        told = [i for i in range(index, end) if _WHY.match(texts[i])]
        headline = texts[told[0]] if told else texts[index]
        lines = trimmed(texts, [i for i in range(start, end) if texts[i].strip()])
        yield Block("ssh", start, lines[-1] + 1, lines, shown(headline), exit_code=None, rank=Rank.CRASH)
        index = end
