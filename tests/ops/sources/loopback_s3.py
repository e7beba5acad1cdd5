"""A loopback server that speaks as much of S3's REST protocol as a log source needs: list (in pages) and get."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WRITTEN_AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


@dataclass
class S3Bucket:
    """The bucket's objects by key; `status` other than 200 is what every request gets."""

    objects: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    page_size: int = 1000
    port: int = 0
    gets: list[str] = field(default_factory=list)

    def listing(self, prefix: str, after: str) -> bytes:
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        page, rest = keys[: self.page_size], keys[self.page_size :]
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{WRITTEN_AT:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>{escape(etag(self.objects[key]))}</ETag><Size>{len(self.objects[key])}</Size></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>bucket</Name><KeyCount>{len(page)}</KeyCount><MaxKeys>{self.page_size}</MaxKeys>"
            f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>{more}{entries}</ListBucketResult>"
        ).encode()


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@contextmanager
def serving(bucket: S3Bucket) -> Iterator[S3Bucket]:
    """Serve the bucket on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            if bucket.status != 200:
                self._answer(bucket.status, b"<Error><Code>AccessDenied</Code></Error>")
            elif "list-type" in query:
                after = query.get("continuation-token", [""])[0]
                self._answer(200, bucket.listing(query.get("prefix", [""])[0], after))
            else:
                key = unquote(url.path).removeprefix("/bucket/")
                bucket.gets.append(key)
                content = bucket.objects.get(key)
                self._answer(404 if content is None else 200, content or b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", etag(body))
            self.send_header("Last-Modified", format_datetime(WRITTEN_AT, usegmt=True))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket.port = server.server_port
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
