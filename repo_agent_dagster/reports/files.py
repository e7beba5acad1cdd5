"""Where report pages lie: one folder an order, one file a version."""

import hashlib
import re

_READABLE_LENGTH = 60


def page_path(order_id: str, version: int) -> str:
    """Return the page's path relative to the folder of reports, e.g. ``order-42-1f0c9a3b5d7e/v3.html``."""
    return f"{folder_name(order_id)}/v{version}.html"


def folder_name(order_id: str) -> str:
    """Return the name of an order's folder, e.g. ``order-42-1f0c9a3b5d7e``.

    An order id is untrusted text: what is not a plain character is replaced, and a part of its SHA-256 keeps two ids
    apart that would look alike, also where file names ignore case.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", order_id).strip("-")[:_READABLE_LENGTH] or "order"
    digest = hashlib.sha256(order_id.encode("utf-8", errors="surrogatepass")).hexdigest()[:12]
    return f"{readable}-{digest}"
