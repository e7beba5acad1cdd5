"""What a webhook is told of a published report: a summary, and where the whole of it is."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.reports import ErrorCount, PatchCounts


class ReportPlace(Contract):
    """Where the document stands: a folder, an object of the artifact store, an issue or comment on GitHub."""

    kind: Literal["page", "file", "artifact", "github"]
    place: Annotated[str, Field(description="A path on the sender's machine, or a URL.")]


class ReportNotice(Contract):
    """A new version of a delivery report or a weekly digest. Texts are cut and redacted; instants are UTC."""

    schema_version: Literal[1] = 1
    event: Literal["delivery_report", "weekly_digest"]
    id: Annotated[str, Field(description="The order's id, or the week, e.g. 2026-W10.")]
    version: Annotated[PositiveInt, Field(description="A version that was overtaken before it got out is left out.")]
    content_digest: Annotated[str, Field(description="SHA-256 of the facts: equal digests tell the same.")]
    made_at: datetime
    title: str
    first_at: Annotated[datetime | None, Field(description="The first patch event; of a week its begin.")] = None
    last_at: Annotated[datetime | None, Field(description="The last patch event; of a week its end.")] = None
    totals: PatchCounts
    requesters: Annotated[list[str], Field(description="At most 20.", default_factory=list)]
    errors: Annotated[list[ErrorCount], Field(description="The most frequent ones, at most 10.", default_factory=list)]
    custody_intact: Annotated[bool | None, Field(description="Null: not told.")] = None
    places: list[ReportPlace]
