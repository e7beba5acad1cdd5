"""Prompts from the templates in `prompts/`: what they want is given, or it is a mistake."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.ai.faults import PromptBroken
from repo_agent_dagster.pages.markdown_text import fenced

if TYPE_CHECKING:
    from jinja2 import Environment

_SUFFIX = ".md.j2"


def rendered(template: str, context: Mapping[str, Any]) -> str:
    """Return the prompt of a template, e.g. ``d1_to_rpc``, for a context; the same for the same.

    Raises:
        PromptBroken: there is no such template, or it wants a value that the context lacks.
    """
    from jinja2 import TemplateError

    try:
        return _environment().get_template(f"{template}{_SUFFIX}").render(context)
    except TemplateError as error:
        raise PromptBroken(f"prompt {template!r}: {type(error).__name__}: {error}") from error


def numbered(text: str) -> str:
    """Return the lines with their numbers, counted as patches count them: by LF, without a byte-order mark."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[-1] == "":
        lines.pop()
    return "\n".join(f"{number:>5}| {line.removesuffix(chr(13))}" for number, line in enumerate(lines, 1))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("repo_agent_dagster.ai", "prompts"),
        autoescape=False,  # noqa: S701 - prompts are no HTML: what is shown must come through to the byte
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"numbered": numbered, "fenced": fenced}
    return environment
