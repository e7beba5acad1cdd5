"""Render pages that need nothing else: styles and scripts are inside, and no request is made."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Script:
    """A page's own script, and its digest for the page's Content-Security-Policy (``'sha256-…'``).

    With the digest in its policy a page runs this script and no other, whatever the texts that it shows hold.
    """

    text: str
    digest: str


@dataclass(frozen=True)
class Headline:
    """A page's one sentence, and its tone: ok, failed or unchecked."""

    tone: str
    text: str


@cache
def page_environment(package: str) -> "Environment":
    """Return where the templates of a package are found, and `page.css`, the look of all pages, beside them.

    All that templates are given is escaped, and a name that they are not given is an error.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "templates"), PackageLoader(__package__, "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def page_script(package: str, name: str) -> Script:
    """Return a script among the templates of a package."""
    text = (resources.files(package) / "templates" / name).read_text("utf-8")
    return Script(text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())
