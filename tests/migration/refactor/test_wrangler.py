"""A binding is added to a wrangler file by a splice: what stands there stays, in the file's own way of writing."""

import pytest

from repo_agent_dagster.migration.refactor.generation.wrangler import add_binding, find_wrangler

ENTRY = {"binding": "CORE", "service": "core"}


def added(text: str, name: str = "wrangler.jsonc") -> str | None:
    wrangler = find_wrangler("apps/web", {f"apps/web/{name}": text.encode()})
    assert wrangler is not None
    content = add_binding(wrangler, "services", ENTRY)
    return None if content is None else content.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{\n\t// web\n\t"name": "web", // its name\n}\n',
            '{\n\t// web\n\t"name": "web", // its name\n\t"services": [\n'
            '\t\t{ "binding": "CORE", "service": "core" }\n\t],\n}\n',
        ),
        (
            '{\r\n  "services": [\r\n    { "binding": "A", "service": "a" }\r\n  ]\r\n}\r\n',
            '{\r\n  "services": [\r\n    { "binding": "A", "service": "a" },\r\n'
            '    { "binding": "CORE", "service": "core" }\r\n  ]\r\n}\r\n',
        ),
        (
            '{\n  "services": [{"binding": "A", "service": "a"}]\n}\n',
            '{\n  "services": [{"binding": "A", "service": "a"}, { "binding": "CORE", "service": "core" }]\n}\n',
        ),
        (
            '\ufeff{\n  "services": []\n}\n',
            '\ufeff{\n  "services": [\n    { "binding": "CORE", "service": "core" }\n  ]\n}\n',
        ),
    ],
    ids=["tabs-and-comments", "crlf", "one-line", "empty-list"],
)
def test_an_entry_is_added_as_the_file_is_written(before: str, after: str) -> None:
    assert added(before) == after


@pytest.mark.parametrize("text", ['{"services": {}}', "[]", '{"name": '])
def test_a_file_that_is_shaped_otherwise_is_left_to_people(text: str) -> None:
    assert added(text) is None
