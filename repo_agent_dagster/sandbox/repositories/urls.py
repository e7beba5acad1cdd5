"""URLs of repositories: which protocol, whose credentials, which mirror, and what a relative one means."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from repo_agent_dagster.sandbox.repositories.faults import RepositoryError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP_LIKE = re.compile(r"[^/:]+:")  # user@host:path
_UNREADABLE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Credentials:
    """A user and perhaps a password (or a token in either's place) for one server; never shown."""

    username: str = field(repr=False)
    password: str | None = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that must not be seen anywhere: the password, or a user without one, which may be a token."""
        return tuple(filter(None, [self.username if self.password in (None, "") else self.password]))


@dataclass(frozen=True)
class RepositoryUrl:
    """Where a repository is.

    `location` is what git and people are given: without a password, and with a user for ssh alone. `server` is what
    credentials are good for, ``https://host:port``; empty where none can be given.
    """

    location: str
    protocol: str
    server: str = ""
    credentials: Credentials | None = field(default=None, repr=False)

    @property
    def mirror_name(self) -> str:
        """The name of its mirror: the same with other credentials, with or without ``.git`` at its end."""
        key = self.location.rstrip("/")
        if self.protocol != "file":
            key = key.removesuffix(".git")
        words = re.sub(r"[^A-Za-z0-9._-]+", "-", re.split(r"[/:]", key)[-1]).strip("-.")[:40] or "repo"
        return f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"

    def submodule(self, url: str, allowed: frozenset[str]) -> "RepositoryUrl":
        """Return where a submodule of this repository is; a relative URL is taken from this one's, as git does.

        It gets this repository's credentials on the same server. A repository of this machine may be named by
        another one of this machine alone: what comes from elsewhere has no say over local paths.

        Raises:
            RepositoryError: the URL is malformed, or its protocol is not allowed.
        """
        child = parse_url(_beside(self.location, url) if url.startswith(("./", "../")) else url, allowed)
        if child.protocol == "file" and self.protocol != "file":
            raise RepositoryError(
                f"{self.location} has a submodule at {child.location}: a path on this machine, which a repository "
                "from elsewhere may not name"
            )
        if self.credentials and not child.credentials and child.server == self.server:
            return RepositoryUrl(child.location, child.protocol, child.server, self.credentials)
        return child


def parse_url(url: str, allowed: frozenset[str]) -> RepositoryUrl:
    """Take a repository's URL apart; `allowed` are git's names of protocols: https, ssh, http, git, file.

    Credentials in it are taken out. A plain path is one on this machine (protocol file).

    Raises:
        RepositoryError: it is malformed, could be taken for an option or a command, or its protocol is not allowed.
    """
    shown = re.sub(r"://.*@", "://***@", url, flags=re.DOTALL)
    if not url or url.startswith("-") or re.match(r"[A-Za-z0-9+.-]+::", url) or _UNREADABLE.search(url):
        raise RepositoryError(
            f"{shown!r} is not taken as a repository's URL; write https://…, ssh://… or user@host:path"
        )
    protocol = _protocol(url)
    if protocol not in allowed:
        raise RepositoryError(
            f"{shown}: protocol {protocol!r} is not allowed here (allowed: {', '.join(sorted(allowed)) or 'none'}); "
            "an operator allows it in REPO_AGENT_REPO_PROTOCOLS"
        )
    if not _SCHEME.match(url):
        return RepositoryUrl(url if protocol == "ssh" else Path(url).expanduser().absolute().as_uri(), protocol)
    return _with_authority(url, protocol, shown)


def _with_authority(url: str, protocol: str, shown: str) -> RepositoryUrl:
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user_info, _, host = authority.rpartition("@")
    if "@" in path and ":" in authority:
        raise RepositoryError(
            f"{shown} is ambiguous: write a '/' of its password as %2F, and an '@' of its path as %40"
        )
    if protocol == "file":
        if authority not in ("", "localhost"):
            raise RepositoryError(f"{shown}: a file URL has no host; write file:///absolute/path")
        return RepositoryUrl(f"file:///{path}", protocol)
    try:
        port = urlsplit(f"//{host}").port
    except ValueError as error:
        raise RepositoryError(f"{shown} is not taken as a repository's URL: {error}") from error
    if not host or host.startswith(("-", ":")):
        raise RepositoryError(f"{shown} is not taken as a repository's URL: it names no host")
    host = host.lower()
    user, colon, password = user_info.partition(":")
    if protocol == "ssh":
        if colon:
            raise RepositoryError(f"{shown}: ssh takes no password from a URL; give this host a key for it")
        if user.startswith("-"):
            raise RepositoryError(f"{shown} is not taken as a repository's URL: its user begins with '-'")
        return RepositoryUrl(f"ssh://{user_info}{'@' if user_info else ''}{host}{slash}{path}", protocol)
    if protocol in ("https", "http") and (port, protocol) in ((443, "https"), (80, "http")):
        host = host.rpartition(":")[0]
    server = f"{scheme.lower()}://{host}"
    credentials = None
    if user_info:
        credentials = Credentials(unquote(user), unquote(password) if colon else None)
        if any(re.search(r"[\x00\r\n]", text) for text in (credentials.username, credentials.password or "")):
            raise RepositoryError(f"{shown}: its user or password holds a line break, which git does not take")
    return RepositoryUrl(f"{server}{slash}{path}", protocol, server, credentials)


def redacted(text: str) -> str:
    """Return the text without the user and password of any URL in it."""
    return re.sub(r"(\w+://)[^/\s'\"]+@", r"\1***@", text)


def without_credentials(url: str) -> str:
    """Return a URL as it may be kept: its user and password taken out, whatever else is wrong with it."""
    return re.sub(r"^((?!ssh|git\+ssh|ssh\+git)\w+://)[^/\s]+@", r"\1", url)


def _protocol(url: str) -> str:
    if _SCHEME.match(url):
        scheme = url.partition("://")[0].lower()
        return {"git+ssh": "ssh", "ssh+git": "ssh"}.get(scheme, scheme)
    return "ssh" if _SCP_LIKE.match(url) else "file"


def _beside(parent: str, relative: str) -> str:
    base = parent.rstrip("/")
    while relative.startswith(("./", "../")):
        step, _, relative = relative.partition("/")
        if step == "..":
            cut = max(base.rfind("/"), base.rfind(":"))
            if cut < 0 or base[: cut + 1].endswith("//"):
                raise RepositoryError(f"a submodule's URL leads above the server of {parent}")
            base, separator = base[:cut], base[cut]
            if separator == ":":
                return f"{base}:{relative}"
    return f"{base}/{relative}"
