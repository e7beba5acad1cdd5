"""JSON with comments: it is read as the standard library reads plain JSON, and every value's place is known."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.migration.jsonc import Node, NotJson, data_in, read_data, read_json, value_of

_KEYS = st.text(st.sampled_from("abé \"'\\.#[]{}"), min_size=1, max_size=4)
_SCALARS = st.text(st.sampled_from("ab/é😀 \"'\\#,[]{}\t\n"), max_size=6) | st.integers() | st.booleans() | st.none()
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


def nodes_of(node: Node) -> list[Node]:
    return [node, *(inner for item in node.items for inner in nodes_of(item.value))]


@given(_VALUES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_every_value_is_read_as_the_standard_library_reads_it(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    document = read_json(text)

    assert read_data(text) == value
    assert all(value_of(read_json(document.source(node)).root) == value_of(node) for node in nodes_of(document.root))


@given(_VALUES)
def test_a_comment_changes_nothing_in_what_a_file_says(value: Any) -> None:
    assert read_data(f"// a\n{json.dumps(value)} /* b */") == value


def test_comments_trailing_commas_and_any_line_ends_are_read_over() -> None:
    text = '// a\r\n{ /* b\n */ "k" /**/ : [ 1, "x // y", ], // c\n "l": {"m": null, "n": -1.5e3,},\n} // end'

    assert read_data(text) == {"k": [1, "x // y"], "l": {"m": None, "n": -1500.0}}
    assert read_json(text).comments == ("// a", "/* b\n */", "/**/", "// c", "// end")


def test_an_item_knows_its_key_its_value_and_the_comma_after_it() -> None:
    text = '{"a" : 1 , "b": [true]}'

    first, second = read_json(text).root.items

    assert (text[first.start : first.key_end], text[first.value.start : first.value.end]) == ('"a"', "1")
    assert (first.comma, second.comma) == (text.index(","), None)


def test_a_byte_order_mark_and_foreign_bytes_do_not_keep_a_file_from_being_read() -> None:
    assert data_in(b'\xef\xbb\xbf{"name": "a\xff", // c\n}') == {"name": "a\N{REPLACEMENT CHARACTER}"}
    assert data_in(b'{"name": ') is None


def test_a_key_given_twice_is_refused_where_a_file_is_edited_and_read_as_the_last_one_elsewhere() -> None:
    text = '{"a": 1,\n "a": 2, }'

    with pytest.raises(NotJson, match="line 2, column 2: key 'a' is given twice"):
        read_json(text)

    assert read_data(text) == {"a": 2}
    assert [item.key for item in read_json(text, allow_twins=True).root.items] == ["a", "a"]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("{", 1),
        ('{"a" 1}', 5),
        ('{"a": 1 "b": 2}', 8),
        ("{a: 1}", 1),
        ('["a', 1),
        ("[1 2]", 3),
        ("{} x", 3),
        ("[,]", 1),
        ('"a\nb"', 0),
        ("/* open", 0),
        ("[" * 300, 201),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, offset: int) -> None:
    with pytest.raises(NotJson) as refused:
        read_json(text)

    assert refused.value.offset == offset
