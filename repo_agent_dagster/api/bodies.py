"""What a request may carry: JSON, of a bounded size, within a bounded time; read whole before the app sees it."""

import asyncio
from email.message import Message as MailHeaders

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from repo_agent_dagster.api.problems import problem_response

LIMIT_BYTES = 8 * 1024 * 1024
WITHIN_SECONDS = 30.0


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class BoundedBodies:
    """Reads each request's body and hands it on, or answers 408, 413 or 415."""

    def __init__(self, app: ASGIApp, *, limit_bytes: int = LIMIT_BYTES, within_seconds: float = WITHIN_SECONDS) -> None:
        self._app = app
        self._limit = limit_bytes
        self._within = within_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; one that hangs up before its body is whole gets no answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._body(Headers(scope=scope), receive)
        except _Refused as refused:
            answer = problem_response(refused.status, str(refused), headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        if body is None:
            return
        unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        await self._app(scope, again, send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        too_long = f"a body may have {self._limit} bytes; send less, or a path instead of the content"
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit:
            raise _Refused(413, too_long)
        body = bytearray()
        try:
            async with asyncio.timeout(self._within):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    body += message.get("body", b"")
                    if len(body) > self._limit:
                        raise _Refused(413, too_long)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise _Refused(408, f"the body did not arrive within {self._within:g} s") from None
        if body and not _is_json(headers):
            raise _Refused(415, "send JSON, and say so: `Content-Type: application/json`")
        return bytes(body)


def _is_json(headers: Headers) -> bool:
    declared = MailHeaders()
    declared["content-type"] = headers.get("content-type", "")
    kind = declared.get_content_type()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
