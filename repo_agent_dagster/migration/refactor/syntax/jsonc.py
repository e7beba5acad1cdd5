"""JSON with comments and trailing commas (tsconfig.json, wrangler.jsonc): its values, and where they stand."""

from typing import Any

from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile, read_file


class JsonFile:
    """A JSON file with the places of its values; `value` is what it holds, None where it cannot be read."""

    def __init__(self, path: str, content: bytes) -> None:
        self.path = path
        file = read_file(f"{path}.ts", b"")
        original = read_file(f"{path}.ts", content)
        self.source = original.source if original is not None else None
        self.root: Node | None = None
        if original is None or file is None:
            return
        # TypeScript's grammar holds all of JSON with comments, in parentheses.
        wrapped = SourceFile(f"{path}.ts", type(original.source)(f"({original.text}\n)", "utf-8", b""))
        statement = wrapped.root.child("expression_statement")
        inside = statement.parts[0] if statement is not None and statement.parts else None
        if wrapped.error is None and inside is not None and inside.kind == "parenthesized_expression" and inside.parts:
            self.root = inside.parts[0]

    @property
    def value(self) -> Any:
        """The file's value as Python values."""
        return None if self.root is None else _value(self.root)

    def splice(self, node: Node, *, at_end: bool, text: str) -> bytes:
        """Return the file with a text put at the end or the start of the node's span."""
        offset = (node.end if at_end else node.start) - 1  # the parenthesis put before the text
        source = self.source
        if source is None:
            raise ValueError(f"{self.path} is no text")
        return source.encode(source.text[:offset] + text + source.text[offset:])


def _value(node: Node) -> Any:
    if node.kind == "object":
        return {key: _value(value) for key, value in pairs(node).items()}
    if node.kind == "array":
        return [_value(part) for part in node.parts]
    if node.kind == "string":
        return node.text[1:-1]
    if node.kind == "number":
        return float(node.text) if "." in node.text else int(node.text, 0)
    return {"true": True, "false": False}.get(node.text)


def pairs(node: Node) -> dict[str, Node]:
    """Return the values of an object by their keys."""
    found: dict[str, Node] = {}
    for pair in node.parts:
        key, value = (pair.field("key"), pair.field("value")) if pair.kind == "pair" else (None, None)
        if key is not None and value is not None:
            found[key.text.strip("'\"")] = value
    return found


def read_json(content: bytes) -> Any:
    """Return the value of a JSON file with comments, or None where it cannot be read."""
    return JsonFile("file.json", content).value
