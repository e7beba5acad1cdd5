"""Addresses that a report may lead its readers to."""

from urllib.parse import quote, urlsplit

_MAX_LENGTH = 2000
_KEPT = "/:?&=#%+,;@!~*'-._$"
"""What is written as it is in a Markdown link: no bracket, bar, quotation mark or space ends it."""


def web_link(url: str | None) -> str | None:
    """Return the address if a reader may be sent there: http or https, with a host; else None."""
    if not url or len(url) > _MAX_LENGTH or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None


def markdown_address(address: str) -> str:
    """Return an address or a path as it may stand in a Markdown link."""
    return quote(address, safe=_KEPT)


def markdown_link(text: str, url: str | None) -> str:
    """Return Markdown text, already escaped, as a link; or as it is when the address is no web page."""
    address = web_link(url)
    return f"[{text}](<{markdown_address(address)}>)" if address else text
