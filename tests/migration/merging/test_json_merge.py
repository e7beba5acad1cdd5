"""JSON files merge key by key, and of what stands at the destination nothing changes but what the unit changed."""

import json
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.merging.outcome import Merged
from repo_agent_dagster.migration.merging.three_way import merge_file

BOM = b"\xef\xbb\xbf"
BASE = """\
{
  "name": "shop",
  "version": "1.0.0",
  "scripts": { "build": "tsc" },
  "dependencies": {
    "hono": "^4.0.0",
    "zod": "^3.0.0"
  },
  "files": ["dist", "src"]
}
"""


def merged(base: str | None, ours: str, theirs: str, path: str = "package.json") -> Merged:
    return merge_file(
        path,
        base=None if base is None else base.encode(),
        ours=ours.encode(),
        theirs=theirs.encode(),
        method="json-merge",
    )


def text(found: Merged) -> str:
    assert not found.must_stop, found
    assert found.content is not None
    return found.content.decode()


class TestWhatIsTaken:
    def test_a_value_that_the_unit_changed(self) -> None:
        ours = BASE.replace('"shop"', '"our-shop"')
        assert text(merged(BASE, ours, BASE.replace("1.0.0", "1.1.0"))) == ours.replace("1.0.0", "1.1.0")

    def test_a_key_that_the_unit_added_in_its_place(self) -> None:
        ours = BASE.replace('"shop"', '"our-shop"')
        theirs = BASE.replace('    "zod"', '    "kysely": "1.0.0",\n    "zod"')
        assert text(merged(BASE, ours, theirs)) == ours.replace('    "zod"', '    "kysely": "1.0.0",\n    "zod"')

    def test_a_last_key_with_its_comma(self) -> None:
        ours = BASE.replace('"shop"', '"our-shop"')
        theirs = BASE.replace('["dist", "src"]\n', '["dist", "src"],\n  "type": "module"\n')
        assert text(merged(BASE, ours, theirs)) == ours.replace(
            '["dist", "src"]\n', '["dist", "src"],\n  "type": "module"\n'
        )

    def test_a_key_that_the_unit_removed_goes_with_its_line(self) -> None:
        ours = BASE.replace('"shop"', '"our-shop"')
        theirs = BASE.replace(',\n    "zod": "^3.0.0"', "")
        assert text(merged(BASE, ours, theirs)) == ours.replace(',\n    "zod": "^3.0.0"', "")

    def test_keys_that_both_added_to_one_object(self) -> None:
        ours = BASE.replace('"build": "tsc"', '"build": "tsc", "lint": "eslint ."')
        theirs = BASE.replace('"build": "tsc"', '"build": "tsc", "test": "vitest"')
        found = json.loads(text(merged(BASE, ours, theirs)))
        assert found["scripts"] == {"build": "tsc", "lint": "eslint .", "test": "vitest"}

    def test_an_object_is_indented_as_the_file_is(self) -> None:
        theirs = json.dumps(json.loads(BASE) | {"exports": {".": {"import": "./a.js"}}}, indent=4)
        found = text(merged(BASE, BASE.replace('"shop"', '"our-shop"'), theirs))
        assert found.endswith(
            '  "files": ["dist", "src"],\n  "exports": {\n    ".": {\n      "import": "./a.js"\n    }\n  }\n}\n'
        )

    def test_the_first_member_of_an_empty_object(self) -> None:
        assert text(merged('{\n  "a": {},\n  "b": 1\n}', '{\n  "a": {},\n  "b": 2\n}', '{"a": {"x": 1}, "b": 1}')) == (
            '{\n  "a": {\n    "x": 1\n  },\n  "b": 2\n}'
        )

    def test_an_object_that_loses_its_last_member_is_empty(self) -> None:
        base, ours, theirs = '{"a": { "x": 1 }, "b": 1}', '{"a": { "x": 1 }, "b": 2}', '{"a": {}, "b": 1}'
        assert text(merged(base, ours, theirs)) == '{"a": {}, "b": 2}'

    def test_a_minified_file_stays_minified(self) -> None:
        assert text(merged('{"a":1,"b":2}', '{"a":1,"b":3}', '{"b":2,"c":[1,{"d":2}]}')) == '{"b":3,"c":[1,{"d":2}]}'

    def test_a_new_order_of_keys_in_what_was_not_touched_here(self) -> None:
        base = '{"exports": {"import": "a", "default": "b"}, "name": "x"}'
        theirs = '{"exports": {"default": "b", "import": "a"}, "name": "x"}'
        assert text(merged(base, base.replace('"x"', '"y"'), theirs)) == theirs.replace('"x"', '"y"')


class TestWhatIsKept:
    ours = dedent("""\
        {
            // the compiler's options
            "compilerOptions": {
                "strict": true, // never off
                /* as the workers need */ "lib": ["es2022"],
            },
        }
        """)
    base = '{"compilerOptions": {"strict": false, "lib": ["es2022"], "target": "es2020"}}'

    def test_comments_indentation_and_last_commas(self) -> None:
        base = '{"compilerOptions": {"strict": false, "lib": ["es2022"]}}'
        theirs = '{"compilerOptions": {"strict": false, "lib": ["es2022", "webworker"], "noEmit": true}}'
        assert text(merged(base, self.ours, theirs, "tsconfig.json")) == self.ours.replace(
            '["es2022"],', '["es2022", "webworker"],\n        "noEmit": true,'
        )

    def test_comments_between_tokens_do_not_lead_an_insertion_astray(self) -> None:
        ours = '{\n  "a": 9,\n  "b": 1, /* one */ "c": 1 /* two */\n}'
        found = merged('{"a": 1, "b": 1, "c": 1}', ours, '{"a": 1, "b": 1, "x": 1, "c": 1}')
        assert text(found) == '{\n  "a": 9,\n  "b": 1,\n  "x": 1, /* one */ "c": 1 /* two */\n}'
        assert found.notes == ()

    def test_line_endings_and_byte_order_mark(self) -> None:
        ours = BOM + BASE.replace('"shop"', '"our-shop"').replace("\n", "\r\n").encode()
        theirs = BASE.replace('    "zod"', '    "kysely": "1.0.0",\n    "zod"').encode()
        found = merge_file("package.json", base=BASE.encode(), ours=ours, theirs=theirs, method="json-merge")
        assert found.content == ours.replace(b'    "zod"', b'    "kysely": "1.0.0",\r\n    "zod"')

    def test_a_key_that_was_removed_here_and_not_changed_there(self) -> None:
        ours = BASE.replace('  "scripts": { "build": "tsc" },\n', "")
        assert text(merged(BASE, ours, BASE.replace("1.0.0", "2.0.0"))) == ours.replace("1.0.0", "2.0.0")

    def test_how_texts_and_numbers_are_written(self) -> None:
        ours = '{"a": "\\u00e9", "n": 1.50, "b": 1}'
        assert text(merged('{"a": "é", "n": 1.50, "b": 0}', ours, '{"a": "é", "n": 1.50, "b": 0, "c": 1e3}')) == (
            '{"a": "\\u00e9", "n": 1.50, "b": 1, "c": 1e3}'
        )

    def test_comments_of_the_unit_are_told_when_they_are_not_taken(self) -> None:
        theirs = '{"compilerOptions": {"strict": false, "lib": ["es2022"], /* new */ "target": "es2020"}}'
        found = merged(self.base, self.ours, theirs, "tsconfig.json")
        assert found.notes == ("tsconfig.json: comments that are new in the unit were not taken, '/* new */' first",)

    def test_an_order_of_keys_that_was_not_taken_is_told(self) -> None:
        found = merged('{"e": {"a": 1, "b": 2}}', '{"e": {"a": 1, "b": 3}}', '{"e": {"b": 2, "a": 1}}')
        assert text(found) == '{"e": {"a": 1, "b": 3}}'
        assert found.notes == ("package.json: the unit's new order of the keys in /e was not taken",)


class TestArraysThatAreSets:
    def test_what_each_side_added_and_removed_is_so(self) -> None:
        found = text(merged('{"files": ["a", "b", "c"]}', '{"files": ["b", "c", "o"]}', '{"files": ["a", "t", "b"]}'))
        assert json.loads(found) == {"files": ["t", "b", "o"]}

    def test_what_both_added_is_there_once(self) -> None:
        found = text(merged('{"lib": ["a"]}', '{"lib": ["a", "x", "o"]}', '{"lib": ["a", "x", "t"]}'))
        assert sorted(json.loads(found)["lib"]) == ["a", "o", "t", "x"]

    def test_elements_on_lines_of_their_own(self) -> None:
        base = '{\n  "keywords": [\n    "a",\n    "b"\n  ]\n}\n'
        ours = base.replace('"a"', '"o",\n    "a"')
        assert text(merged(base, ours, base.replace('"b"', '"b",\n    "t"'))) == ours.replace('"b"', '"b",\n    "t"')

    def test_workspaces_may_be_an_object(self) -> None:
        base, ours = '{"workspaces": {"packages": ["a"]}}', '{"workspaces": {"packages": ["a", "o"]}}'
        found = text(merged(base, ours, '{"workspaces": {"packages": ["a", "t"]}}'))
        assert sorted(json.loads(found)["workspaces"]["packages"]) == ["a", "o", "t"]

    @pytest.mark.parametrize(
        "array", ['"args": ["{}"]', '"files": [{{"a": "{}"}}]', '"files": ["x", "x", "{}"]', '"files": [["{}"]]']
    )
    def test_every_other_array_is_one_value(self, array: str) -> None:
        found = merged(*("{" + array.format(side) + "}" for side in "bot"))
        assert (found.outcome, found.conflicts) == ("conflict", 1)


class TestConflicts:
    def test_versions_of_a_dependency_are_not_chosen_but_told(self) -> None:
        found = merged(BASE, BASE.replace("^4.0.0", "^4.6.0"), BASE.replace("^4.0.0", "^5.0.0"))
        assert (found.outcome, found.conflicts) == ("conflict", 1)
        assert found.places == ('/dependencies/hono: destination has "^4.6.0", unit has "^5.0.0", base has "^4.0.0"',)
        assert (found.reason or "").endswith(", both at /dependencies/hono")

    def test_only_the_undecided_lines_are_marked_and_the_rest_is_merged(self) -> None:
        ours = BASE.replace("^4.0.0", "^4.6.0").replace('"shop"', '"our-shop"')
        theirs = BASE.replace("^4.0.0", "^5.0.0").replace("1.0.0", "1.1.0")
        marked = (merged(BASE, ours, theirs).marked or b"").decode()
        assert marked == ours.replace("1.0.0", "1.1.0").replace(
            '    "hono": "^4.6.0",\n',
            '<<<<<<< destination\n    "hono": "^4.6.0",\n||||||| base\n    "hono": "^4.0.0",\n'
            '=======\n    "hono": "^5.0.0",\n>>>>>>> unit\n',
        )

    def test_either_side_of_every_conflict_is_whole_json(self) -> None:
        ours = '{\n  "c": 1,\n\n  "f": true\n}'
        found = merged('{"c": 1, "f": {}}', ours, '{"c": 1}')
        assert resolved(found, "ours").strip() == ours
        assert json.loads(resolved(found, "theirs")) == {"c": 1}

    @pytest.mark.parametrize(
        ("base", "ours", "theirs", "told"),
        [
            ('{"a": 1}', "{}", '{"a": 2}', "/a: destination has no such key, unit has 2, base has 1"),
            ('{"a": 1}', '{"a": 2}', "{}", "/a: destination has 2, unit has no such key, base has 1"),
            ("{}", '{"a": 1}', '{"a": 2}', "/a: destination has 1, unit has 2"),
            ('{"a": 1}', '{"a": {"b": 1}}', '{"a": [1]}', '/a: destination has {"b": 1}, unit has [1], base has 1'),
            ("[1]", "[2]", "[3]", "the whole value: destination has [2], unit has [3], base has [1]"),
            ('{"a/b~": 1}', '{"a/b~": 2}', '{"a/b~": 3}', "/a~1b~0: destination has 2, unit has 3, base has 1"),
            ('{"a": 1}', '{"a": true}', '{"a": 1.0}', "/a: destination has true, unit has 1.0, base has 1"),
        ],
    )
    def test_each_is_told_with_its_pointer(self, base: str, ours: str, theirs: str, told: str) -> None:
        found = merged(base, ours, theirs)
        assert found.places == (told,)
        assert found.content == ours.encode()
        assert b"<<<<<<< destination" in (found.marked or b"")

    def test_a_file_that_no_migration_wrote_becomes_the_union_where_nothing_differs(self) -> None:
        found = text(merged(None, '{"a": 1, "files": ["x"]}', '{"b": {"c": 2}, "files": ["y"]}'))
        assert json.loads(found) == {"a": 1, "b": {"c": 2}, "files": ["x", "y"]}

    def test_a_file_that_no_migration_wrote_conflicts_where_values_differ(self) -> None:
        found = merged(None, '{"a": 1, "b": 1}', '{"a": 2, "c": 3}')
        assert found.places == ("/a: destination has 1, unit has 2",)
        assert b"base" not in (found.marked or b"")


class TestWhatIsNoJson:
    @pytest.mark.parametrize(
        ("broken", "why"),
        [
            ('{"a": 1,, }', "line 1, column 9: here should be a text in double quotes"),
            ('{\n  "a" 1}', "line 2, column 7: here should be a colon"),
            ('{"a": 1 "b": 2}', "line 1, column 9: here should be a comma or '}'"),
            ('{"a": nope}', "line 1, column 7: here should be a value"),
            ('{"a": [1', "line 1, column 9: here should be a comma or ']'"),
            ('{"a": 1} x', "line 1, column 10: there is more after the value"),
            ('{"a": 1, "a": 2}', "line 1, column 10: key 'a' is given twice"),
            ('{"a": 01}', "line 1, column 8: here should be a comma or '}'"),
            ("", "line 1, column 1: the text ends where a value should be"),
            ("[" * 300, "line 1, column 202: nested more than 200 deep"),
        ],
    )
    def test_it_is_merged_by_lines_and_told_with_its_place(self, broken: str, why: str) -> None:
        found = merged(BASE, BASE.replace("1.0.0", "2.0.0"), broken)
        assert found.notes == (f"package.json: merged by lines: the unit's is not JSON ({why})",)

    def test_lines_that_do_not_overlap_are_still_merged(self) -> None:
        found = merged("a:\n1\nb:\n2\n", "a:\n9\nb:\n2\n", "a:\n1\nb:\n2\nc:\n", "config.yaml")
        assert text(found) == "a:\n9\nb:\n2\nc:\n"
        assert "the destination's is not JSON" in found.notes[0]

    def test_what_is_not_utf_8_is_told(self) -> None:
        found = merge_file("a.json", base=b"{}", ours=b'{"a": "\xe9"}', theirs=b'{"b": 1}', method="json-merge")
        assert "the destination's is not UTF-8" in found.notes[0]


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text('ab"\\é/*,: {}', max_size=4) | st.just(1.5)
KEYS = st.sampled_from(["a", "b", "c", "files", "lib", "//", 'q"', "é"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
WAYS: list[dict[str, Any]] = [
    {},
    {"indent": 2},
    {"indent": 4, "ensure_ascii": False},
    {"indent": "\t"},
    {"separators": (",", ":")},
]


@st.composite
def changed(draw: st.DrawFn, value: dict[str, Any]) -> dict[str, Any]:
    """A version with a few keys removed, added or changed at any depth."""
    result = dict(value)
    for _ in range(draw(st.integers(0, 3))):
        key = draw(KEYS)
        match draw(st.sampled_from(["remove", "set", "inside"])):
            case "remove":
                result.pop(key, None)
            case "set":
                result[key] = draw(VALUES)
            case "inside":
                if isinstance(result.get(key), dict):
                    result[key] = draw(changed(result[key]))
    return result


def written(draw: st.DrawFn, value: Any) -> str:
    """The value, written in one of many ways, with comments where some stand."""
    found = json.dumps(value, **draw(st.sampled_from(WAYS)))
    if "\n" in found and draw(st.booleans()):
        lines = found.split("\n")
        at = draw(st.integers(0, len(lines) - 1))
        lines[at:at] = ['  // a comment, with {brackets} and "quotes"']
        at = draw(st.integers(0, len(lines) - 1))
        if not lines[at].endswith('"'):
            lines[at] += " /* one more */"
        found = "\n".join(lines)
    return found.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))) + draw(st.sampled_from(["", "\n"]))


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@settings(max_examples=250, deadline=None)
@given(st.data())
def test_what_only_the_unit_changed_makes_it_mean_what_the_unit_means(data: st.DataObject) -> None:
    base = data.draw(OBJECTS)
    theirs = data.draw(changed(base))
    found = merged(json.dumps(base), written(data.draw, base), written(data.draw, theirs))
    assert not any("could not be edited" in note for note in found.notes)
    assert without_comments(text(found)) == theirs


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_was_only_changed_here_stays_to_the_byte(data: st.DataObject) -> None:
    base = data.draw(OBJECTS)
    ours = written(data.draw, data.draw(changed(base)))
    assume(ours != json.dumps(base))  # else what the unit rewrote is taken
    assert text(merged(json.dumps(base), ours, written(data.draw, base))) == ours


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@settings(max_examples=250, deadline=None)
@given(st.data())
def test_changes_of_both_sides_come_out_the_same_whoever_is_the_destination(data: st.DataObject) -> None:
    base = data.draw(OBJECTS)
    ours, theirs = (written(data.draw, data.draw(changed(base))) for _ in range(2))
    one, other = (merged(json.dumps(base), *sides) for sides in ((ours, theirs), (theirs, ours)))
    assert not any("could not be edited" in note for note in one.notes)
    assert one.conflicts == other.conflicts
    if not one.must_stop:
        assert unordered(without_comments(text(one))) == unordered(without_comments(text(other)))
    else:
        for side in ("ours", "theirs"):
            assert isinstance(without_comments(resolved(one, side)), dict)


def resolved(found: Merged, choice: str) -> str:
    """The marked text, one side taken everywhere."""
    kept: list[str] = []
    within = "both"
    for line in (found.marked or b"").decode().splitlines(keepends=True):
        markers = {"<<<<<<< ": "ours", "||||||| ": "base", "=======": "theirs", ">>>>>>> ": "both"}
        marker = next((marker for marker in markers if line.startswith(marker)), None)
        if marker is not None:
            within = markers[marker]
        elif within in ("both", choice):
            kept.append(line)
    return "".join(kept)


def without_comments(found: str) -> Any:
    """The value of a text, read by another reader than ours."""
    lines = found.replace(" /* one more */", "").split("\n")
    return json.loads("\n".join(line for line in lines if not line.strip().startswith("// a comment")))


def unordered(value: Any) -> Any:
    """The value, arrays that are sets in one order."""
    if isinstance(value, dict):
        return {key: unordered(inner) for key, inner in value.items()}
    return sorted(map(repr, value)) if isinstance(value, list) else value
