"""Curated knowledge: pieces of text with their source, each kept once for each content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, delete

from repo_agent_dagster.store.ids import new_id
from repo_agent_dagster.store.rows import fetch_all, fetch_one, put
from repo_agent_dagster.store.tables import curated_knowledge

_row = curated_knowledge.c


@dataclass(frozen=True)
class KnowledgePiece:
    """One piece of knowledge. `source` is a path or URL; `content_digest` is the SHA-256 of `body`."""

    id: str
    topic: str
    title: str
    body: str
    source: str
    content_digest: str
    tags: list[str]
    created_at: datetime
    updated_at: datetime


def content_digest(body: str) -> str:
    """Return the digest by which two pieces of one source are the same: SHA-256 of the UTF-8 body, in hex."""
    return sha256(body.encode("utf-8", errors="surrogatepass")).hexdigest()


def put_piece(
    conn: Connection, *, topic: str, title: str, body: str, source: str, now: datetime, tags: Sequence[str] = ()
) -> bool:
    """Store a piece, or update topic, title and tags of the one with this source and body; return whether it wrote."""
    values = {
        "id": new_id(),
        "topic": topic,
        "title": title,
        "body": body,
        "source": source,
        "content_digest": content_digest(body),
        "tags": list(tags),
        "created_at": now,
        "updated_at": now,
    }
    return put(conn, curated_knowledge, values, key=["source", "content_digest"], stamped=["updated_at"])


def get(conn: Connection, source: str, digest: str) -> KnowledgePiece | None:
    """Return the piece with this source and content, or None."""
    return fetch_one(conn, curated_knowledge, KnowledgePiece, _row.source == source, _row.content_digest == digest)


def listing(
    conn: Connection, *, topic: str | None = None, source: str | None = None, limit: int = 100
) -> list[KnowledgePiece]:
    """Return at most `limit` pieces that match every filter, last updated first."""
    filters = {"topic": topic, "source": source}
    conditions = [_row[name] == value for name, value in filters.items() if value is not None]
    newest_first = [_row.updated_at.desc(), _row.id.desc()]
    return fetch_all(conn, curated_knowledge, KnowledgePiece, *conditions, order_by=newest_first, limit=limit)


def forget_others(conn: Connection, source: str, *, keep: Sequence[str]) -> int:
    """Delete the source's pieces whose digest is not in `keep`: what the source no longer says; return how many."""
    stale = delete(curated_knowledge).where(_row.source == source, _row.content_digest.not_in(list(keep)))
    return conn.execute(stale).rowcount
