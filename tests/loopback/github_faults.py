"""What GitHub answers when it does not do what it was asked."""

import time

from tests.loopback.server import Answer, said


def primary_limit(seconds: float = 0) -> Answer:
    """The hourly limit is used up, and resets in so many seconds."""
    return said(
        {"message": "API rate limit exceeded for user ID 1.", "documentation_url": "https://docs.github.com/rest"},
        403,
        X_RateLimit_Limit="5000",
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(int(time.time() + seconds)),
    )


def secondary_limit(retry_after: str | None = None) -> Answer:
    """Too many requests at once; GitHub tells how long to wait, or does not."""
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    return said({"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}, 403, **headers)


def too_many(retry_after: str) -> Answer:
    return said({"message": "Too many requests"}, 429, Retry_After=retry_after)


def bad_gateway() -> Answer:
    return Answer(502, b"<html><body>502 Bad Gateway</body></html>", {"Content-Type": "text/html"})


def bad_credentials() -> Answer:
    return said({"message": "Bad credentials"}, 401)


def not_allowed() -> Answer:
    return said({"message": "Resource not accessible by personal access token"}, 403)


def not_found() -> Answer:
    return said({"message": "Not Found"}, 404)
