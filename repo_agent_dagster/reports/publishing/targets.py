"""Where a report may be published, as people write it: ``file:out``, ``artifact:reports``, ``github:o/n#12``, a URL."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.github.names import is_repository_name
from repo_agent_dagster.store.report_targets import TargetKind

_FORMS = (
    "write file:FOLDER, artifact:PREFIX, github:owner/name (an issue for each order), github:owner/name#12 (a comment "
    "there), or an http(s) URL"
)
_PREFIX = re.compile(r"[A-Za-z0-9@%+=_,~-][A-Za-z0-9@%+=_,~.-]*(?:/[A-Za-z0-9@%+=_,~-][A-Za-z0-9@%+=_,~.-]*)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 2000
_SHOWN = 200


class InvalidReportTarget(PermanentFault):
    """What was given is no place where a report can be published."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place: its kind and its address (an absolute folder, a prefix, a repository and perhaps a number, a URL)."""

    kind: TargetKind
    address: str

    @property
    def text(self) -> str:
        """The target as people write it."""
        return self.address if self.kind == "webhook" else f"{self.kind}:{self.address}"


def parsed_target(text: str) -> Target:
    """Return the target that a text names; a folder is made absolute against the working directory.

    Raises:
        InvalidReportTarget, notify.InvalidTarget: it names none; the message says what to write.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST or _CONTROL.search(text):
        raise InvalidReportTarget(f"{_shown(text)} is no report target; {_FORMS}")
    scheme, _, address = text.partition(":")
    if scheme == "file":
        return Target("file", _folder(address))
    if scheme == "artifact":
        return Target("artifact", _prefix(address))
    if scheme == "github":
        return Target("github", _on_github(address))
    if scheme in ("http", "https"):
        return Target("webhook", _url(text))
    raise InvalidReportTarget(f"{_shown(text)} is no report target; {_FORMS}")


def split_number(address: str) -> tuple[str, int | None]:
    """Return the repository of a GitHub target, and the number of the issue or pull request, if it names one."""
    repository, _, number = address.partition("#")
    return repository, int(number) if number else None


def _folder(address: str) -> str:
    if not address or address.startswith("//"):
        raise InvalidReportTarget("a folder is written file:PATH, e.g. file:/srv/reports or file:out/reports")
    try:
        return str(Path(address).expanduser().absolute())
    except RuntimeError as error:
        raise InvalidReportTarget(f"file:{_shown(address)} names a home folder that is not known: {error}") from error


def _prefix(address: str) -> str:
    prefix = address.strip("/")
    if not _PREFIX.fullmatch(prefix) or len(prefix) > _SHOWN:
        raise InvalidReportTarget(
            f"artifact:{_shown(address)} is no prefix of the artifact store; write letters, digits and -_. in parts "
            "separated by /, e.g. artifact:reports"
        )
    return prefix


def _on_github(address: str) -> str:
    repository, hash_, number = address.partition("#")
    is_number = re.fullmatch(r"[1-9][0-9]{0,9}", number) is not None
    if not is_repository_name(repository) or (hash_ and not is_number):
        raise InvalidReportTarget(
            f"github:{_shown(address)} names no place on GitHub; write github:owner/name for an issue of its own, or "
            "github:owner/name#12 for a comment on that issue or pull request"
        )
    return address


def _url(text: str) -> str:
    from repo_agent_dagster.notify import checked_url

    url = checked_url(text)
    found = re.fullmatch(r"/([^/]+/[^/]+)/(?:issues|pull)/(\d+)/?", urlsplit(url).path)
    if found is not None and urlsplit(url).hostname in ("github.com", "www.github.com"):
        raise InvalidReportTarget(f"{_shown(url)} takes no messages; write github:{found[1]}#{found[2]}")
    return url


def _shown(text: str) -> str:
    return repr(re.sub("://[^@/]*@", "://***@", text)[:_SHOWN])
