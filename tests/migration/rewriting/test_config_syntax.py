"""The readers of JSON with comments and of TOML: they find what the standard library reads, and where it stands."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.migration.rewriting import json_spans, toml_spans
from repo_agent_dagster.migration.rewriting.values import (
    DEEP,
    EACH,
    KEYS,
    Array,
    NotReadable,
    Table,
    Text,
    Value,
    select,
)

_KEYS = st.text(st.sampled_from("abé \"'\\.#[]{}"), min_size=1, max_size=4)
_STRINGS = st.text(st.sampled_from("ab/é😀 \"'\\#,[]{}\t\n"), max_size=6)
_VALUES = st.recursive(
    _STRINGS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def plain(value: Value) -> object:
    """Return a value as plain lists, dicts and strings; scalars as they are written."""
    match value:
        case Text():
            return value.value
        case Array():
            return [plain(item) for item in value.items]
        case Table():
            return {key: plain(member) for key, member in value.members}
    return value.written


@given(_VALUES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(
    value: object, indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    parsed = json_spans.parse(text)

    assert plain(parsed) == value
    assert all(json.loads(f'"{text[found.start : found.end]}"') == found.value for found in select(parsed, DEEP))


@given(_STRINGS)
def test_a_string_written_to_json_is_read_back(value: str) -> None:
    assert plain(json_spans.parse(f'"{json_spans.quoted(value)}"')) == value


def test_the_keys_of_json_have_their_spans() -> None:
    text = '{"a\\u0062": {}, // c\n "é": 1,}'

    keys = list(select(json_spans.parse(text), KEYS))

    assert [(key.value, text[key.start : key.end]) for key in keys] == [("ab", "a\\u0062"), ("é", "é")]


def test_what_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(NotReadable) as refused:
        json_spans.parse('{"a" 1}')

    assert refused.value.offset == 5


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_toml(item)}, # c\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_toml_is_read_as_the_standard_library_reads_it(value: dict[str, object], newline: str) -> None:
    text = "".join(f"{_toml(key)} = {_toml(member)}\n" for key, member in value.items()).replace("\n", newline)

    parsed = toml_spans.parse(text)

    assert plain(parsed) == tomllib.loads(text) == value
    for found in select(parsed, DEEP):
        assert tomllib.loads(f'v = "{text[found.start : found.end]}"')["v"] == found.value


TOML = """\
a.b = 'x' # c
"q.r".s = \"\"\"
two
lines\"\"\"
[t] # c
u = '''it's'''
[[list]]
v = "\\u0041"
[list.sub]
w = 1979-05-27T07:32:00Z
[[list]]
v = ["b", 'c',]
[t.deep."er x"]
y = { z = ["d", { e = "f" }], n = -1.5e3 }
"""


@pytest.mark.parametrize("text", [TOML, TOML.replace("\n", "\r\n")])
def test_every_way_to_write_a_table_and_a_string_is_read(text: str) -> None:
    parsed = toml_spans.parse(text)

    assert [found.value for found in select(parsed, "list", EACH, "v")] == ["A"]
    assert [text[one.start : one.end] for one in select(parsed, "list", EACH, "v", EACH)] == ["b", "c"]
    assert [one.value for one in select(parsed, DEEP)] == ["x", "two\nlines", "it's", "d", "f", "A", "b", "c"]


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \n", 2), ("a = 1\na = 2\n", 2), ("[a\n", 1), ("x\n", 1)])
def test_what_is_no_toml_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(NotReadable) as refused:
        toml_spans.parse(text)

    assert text.count("\n", 0, refused.value.offset) + 1 == line


@pytest.mark.parametrize(
    ("value", "quote", "written"),
    [
        ("a\\b", '"', "a\\\\b"),
        ('a"b', '"', 'a\\"b'),
        ("a\\b", "'", "a\\b"),
        ("it's", "'", None),
        ("a\nb", '"', None),
    ],
)
def test_a_string_is_written_so_that_its_quotes_can_hold_it(value: str, quote: str, written: str | None) -> None:
    assert toml_spans.quoted(value, quote) == written
