"""Rules that are data: YAML files read strictly, with the kinds of text that they have in common.

What the rules decide belongs to their own rooms, `analysis/causes` and `severity`.
"""

import re
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from repo_agent_dagster.contracts.faults import PermanentFault

LIMIT_BYTES = 1_000_000
_Model = TypeVar("_Model", bound=BaseModel)
_UPPER_CASE = re.compile(r"(?<!\\)(?:\\\\)*[A-Z]")


class RulesBroken(PermanentFault):
    """A file of rules that cannot be used; one line for each mistake: file, field, what is wrong with it."""


def _phrase(text: str) -> str:
    if text != text.lower():
        raise ValueError("write it in lower case: letter case does not count")
    return text


def _expression(text: str) -> str:
    if _UPPER_CASE.search(text):
        raise ValueError("write it in lower case: letter case does not count")
    try:
        re.compile(text, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


Phrase = Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_phrase)]
Expression = Annotated[str, Field(min_length=3, max_length=600), AfterValidator(_expression)]


def read_rules(path: Path, model: type[_Model]) -> _Model:
    """Return what a YAML file says, as a model.

    Raises:
        RulesBroken: it cannot be read, is too large, is no YAML, or breaks the model's rules; all mistakes at once.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RulesBroken(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > LIMIT_BYTES:
        raise RulesBroken(f"{path}: {len(raw)} bytes; a file of rules has at most {LIMIT_BYTES}")
    try:
        return model.model_validate(yaml.safe_load(raw))
    except yaml.YAMLError as error:
        raise RulesBroken(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors(include_url=False)
        ]
        raise RulesBroken("\n".join(lines)) from error
