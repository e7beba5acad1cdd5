"""The offline spool: events that were recorded in a workspace while the store was out of reach, on their way to it.

`patching.spool` keeps them in files; a custody that `TakesSpools` takes them in, each segment once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from repo_agent_dagster.contracts.custody import EventRow


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish, uttered offline, that a URL be told of a batch; `secret_env` names the variable with the secret."""

    id: str
    url: str
    batch_id: str
    secret_env: str | None


@dataclass(frozen=True, slots=True)
class SpoolSegment:
    """One file of the spool, closed: what is in it is taken in as a whole, once. `sha256` is its last line's hash."""

    id: str
    workspace: str
    events: Sequence[EventRow]
    subscriptions: Sequence[Subscription]
    sha256: str


@runtime_checkable
class TakesSpools(Protocol):
    """Custody that spools are shipped to."""

    def take_in(self, segment: SpoolSegment, now: datetime) -> bool:
        """Append a segment's events, all or none, unless it was taken in before; return whether it was now.

        Raises:
            CustodyUnavailable: the record cannot be reached.
            CustodyRefused: it does not take one of the events.
        """
