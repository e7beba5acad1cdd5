"""Scripts made smaller: what is left still shows it, and nothing of it can go."""

import ast
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.pathways.recreation.reduction import ddmin, node_levels, python_levels, reduce_script


@given(st.sets(st.integers(0, 30)), st.integers(0, 31))
def test_what_is_left_is_exactly_what_is_needed(needed: set[int], count: int) -> None:
    items = list(range(count))
    wanted = needed & set(items)

    assert ddmin(items, lambda part: wanted <= set(part)) == sorted(wanted)


@given(st.integers(1, 24), st.integers(0, 2**24 - 1), st.integers(1, 5))
def test_no_single_item_can_be_left_out_of_the_result(count: int, bits: int, least: int) -> None:
    items = list(range(count))
    marked = {item for item in items if bits >> item & 1}

    def shows(part: list[int]) -> bool:  # not monotone: two of them hide each other
        return len(marked & set(part)) >= min(least, len(marked)) and not ({0, 1} <= set(part) < set(items))

    kept = ddmin(items, shows)

    assert kept == items or shows(kept)
    assert not any(shows([one for one in kept if one != item]) for item in kept if kept != items)


def reduced(text: str, *needed: str) -> str:
    def shows(script: str) -> bool:
        try:
            ast.parse(script)
        except SyntaxError:
            return False
        return all(part in script for part in needed)

    return reduce_script(dedent(text), python_levels, shows)


def test_nested_statements_go_with_their_lines_and_an_empty_body_passes() -> None:
    text = """\
        import os
        import shop  # needed


        @decorated
        def helper():
            first()
            second()

        def gone():
            pass
        for item in [1, 2]:
            print(item)
            if item:
                shop.go(item)
            else:
                other()
        """

    assert reduced(text, "import shop", "shop.go(item)", "helper", "second()") == dedent(
        """\
        import shop  # needed


        @decorated
        def helper():
            second()

        for item in [1, 2]:
            if item:
                shop.go(item)
            else:
                pass
        """
    )


def test_letters_of_several_bytes_do_not_shift_the_cuts() -> None:
    assert reduced('x = "äöü"; y = 1\nz = "€"\n', "y = 1") == "y = 1\n"


def test_javascript_is_reduced_by_statements_and_blocks() -> None:
    text = "const a = 1;\nconst b = 2;\nif (a) {\n  go(b);\n  stop();\n}\n"

    assert reduce_script(text, node_levels, lambda script: "const a" in script and "stop();" in script) == (
        "const a = 1;\nif (a) {\n  stop();\n}\n"
    )


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_has_levels_and_reduces_to_itself_when_all_is_needed(text: str) -> None:
    assert reduce_script(text, python_levels, lambda script: script == text) == text
    assert reduce_script(text, node_levels, lambda script: script == text) == text
