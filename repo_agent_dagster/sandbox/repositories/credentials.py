"""Credentials for git on the host, handed over so that nobody who looks at its processes or files sees them.

A user and a password that came with a URL lie in memory that has no name (``memfd``), which git and what it starts
inherit. A credential helper of a line reads them there when git asks for that one server. So they are in no
argument, no environment and no file, and they are not given to a server that the first one redirects to.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from repo_agent_dagster.sandbox.repositories.urls import Credentials

ConfigEntry = tuple[str, str]


@dataclass(frozen=True)
class Handover:
    """What a git process needs to find credentials: configuration, inherited descriptors, and texts to mask."""

    config: tuple[ConfigEntry, ...] = ()
    descriptors: tuple[int, ...] = ()
    secrets: tuple[str, ...] = ()


@contextmanager
def handed_over(
    credentials: Credentials | None, server: str, *, operator_helpers: Sequence[ConfigEntry], extra_helper: str = ""
) -> Iterator[Handover]:
    """Prepare credentials of `server` for git processes that are started in the ``with`` block.

    `operator_helpers` are the entries of the host's own git configuration that name helpers, and `extra_helper` is
    one more, as git's ``credential.helper`` takes it. They are asked when the URL brought no password. With a
    password from the URL they are left out: none of them is told that password, or answers in its place.
    """
    extra = [("credential.helper", extra_helper)] if extra_helper else []
    if credentials is None:
        yield Handover(tuple(extra))
        return
    descriptors: list[int] = []
    try:
        descriptors.append(_in_memory(credentials))
        first = (f"credential.{server}.helper", _reading(descriptors[0]))
        entries: list[ConfigEntry] = [("credential.helper", ""), first]  # an empty one forgets those before it
        if credentials.password is None:
            # A user alone may be a token: the last word is then an empty password.
            descriptors.append(_in_memory(Credentials("", "")))
            last = (f"credential.{server}.helper", _reading(descriptors[1]))
            entries += [*operator_helpers, *extra, last]
        yield Handover(tuple(entries), tuple(descriptors), credentials.secrets)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _in_memory(credentials: Credentials) -> int:
    lines = [f"username={credentials.username}"] if credentials.username else []
    lines += [] if credentials.password is None else [f"password={credentials.password}"]
    descriptor = os.memfd_create("git-credentials", os.MFD_CLOEXEC)
    os.write(descriptor, "".join(f"{line}\n" for line in lines).encode())
    return descriptor


def _reading(descriptor: int) -> str:
    # Opened by its path and not read by its number: each time from the beginning, however often git asks.
    return f'!f() {{ test "$1" != get || cat /proc/self/fd/{descriptor}; }}; f'
