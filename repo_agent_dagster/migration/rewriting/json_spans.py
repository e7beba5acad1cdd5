"""The values of a JSON file, comments and trailing commas allowed, with the spans of its strings."""

import json

from repo_agent_dagster.migration.jsonc import Item, Node, NotJson, read_json
from repo_agent_dagster.migration.rewriting.values import Array, NotReadable, Scalar, Table, Text, Value


def parse(text: str) -> Value:
    """Return the value that a file's text holds; offsets are characters of `text`.

    Raises:
        NotReadable: the text is not JSON, even with comments and trailing commas.
    """
    try:
        root = read_json(text, allow_twins=True).root
    except NotJson as error:
        raise NotReadable(error.why, error.offset) from error
    return _value(root)


def quoted(value: str) -> str:
    """Return a string as it stands between the quotes of a JSON file."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _value(node: Node) -> Value:
    if node.kind == "string":
        return _text(node.content, node.start, node.end)
    if node.kind == "array":
        return Array(tuple(_value(item.value) for item in node.items))
    if node.kind == "object":
        members = tuple((item.key, _value(item.value)) for item in node.items)
        return Table(members, tuple(_key(item) for item in node.items))
    return Scalar(node.content)


def _key(item: Item) -> Text:
    return _text(item.key, item.start, item.key_end)


def _text(value: str, start: int, end: int) -> Text:
    return Text(value, start + 1, end - 1, '"')
