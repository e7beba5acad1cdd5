"""YAML from anywhere: plain types only, and no depth that would end the process that reads it."""

from typing import Any, cast

import yaml

DEEPEST = 200
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose_yaml(text: str) -> yaml.Node | None:
    """Return the tree of a text's one document, with the places of its nodes; None for an empty text.

    Raises:
        yaml.YAMLError: it is not YAML, holds several documents, or is nested more than `DEEPEST` deep.
    """
    _refuse_depth(text)
    return yaml.compose(text, Loader=_LOADER)


def data_of_yaml(tree: yaml.Node | None) -> Any:
    """Return what a tree says, as plain Python values; in it merged keys then stand before own ones.

    Raises:
        yaml.YAMLError: it asks for a type that is not plain.
        ValueError: a date or a number is none.
    """
    return None if tree is None else _LOADER("").construct_document(tree)


def read_yaml(text: str) -> Any:
    """Return what a text says, as plain Python values.

    Raises:
        yaml.YAMLError: it is not YAML, holds several documents, is nested too deeply, or asks for a type not plain.
        ValueError: a date or a number is none.
    """
    return data_of_yaml(compose_yaml(text))


def _refuse_depth(text: str) -> None:
    """Raise for a text that is nested too deeply: the C library would overflow the stack of the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            mark = cast(yaml.Mark, event.start_mark)
            raise yaml.MarkedYAMLError(None, None, f"nested more than {DEEPEST} deep", mark)
