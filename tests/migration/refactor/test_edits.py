"""Edits by span: what is kept inside what is replaced, and statements that go away with their lines."""

from repo_agent_dagster.migration.refactor.syntax.edits import Edits
from repo_agent_dagster.migration.refactor.syntax.tree import Node, SourceFile
from repo_agent_dagster.migration.rewriting.specifiers import SourceText
from tests.migration.refactor.workers import code


def source(text: str) -> SourceFile:
    return SourceFile("a.ts", SourceText(text, "utf-8", b""))


def find(file: SourceFile, text: str) -> Node:
    return next(node for node in file.root.walk() if node.text == text and node.named)


def test_a_kept_node_has_its_own_edits() -> None:
    file = source("f(g(1), h(2));")
    edits = Edits(file)

    edits.replace_node(find(file, "f(g(1), h(2))"), "x(", find(file, "h(2)"), ", ", find(file, "g(1)"), ")")
    edits.wrap(find(file, "g(1)"), "await ")
    edits.wrap(find(file, "f(g(1), h(2))"), "(", ")")
    edits.replace_node(find(file, "2"), "3")

    assert edits.result() == b"(x(h(3), await g(1)));"


def test_a_statement_goes_with_its_comment_and_one_blank_line() -> None:
    file = source(code("const a = 1;\n\n// about b\nconst b = 2; // b\n\nconst c = 3;"))
    edits = Edits(file)

    edits.remove_statement(file.root.parts[1])

    assert edits.result().decode() == code("const a = 1;\n\nconst c = 3;")


def test_neighbours_that_both_go_leave_no_gap() -> None:
    file = source(code("function f() {\n  one();\n\n  two();\n\n  three();\n}"))
    edits = Edits(file)

    for name in ("two();", "three();"):
        edits.remove_statement(find(file, name))

    assert edits.result().decode() == code("function f() {\n  one();\n}")


def test_one_of_several_on_a_line_goes_alone() -> None:
    file = source("one(); two(); three();\n")
    edits = Edits(file)

    edits.remove_statement(find(file, "two();"))

    assert edits.result() == b"one(); three();\n"


def test_an_await_before_type_arguments_waits_for_the_call() -> None:
    file = source("await f<T>(1);")

    awaited = find(file, "await f<T>(1)")

    assert [awaited.kind, awaited.parts[0].kind, awaited.parts[0].text] == [
        "await_expression",
        "call_expression",
        "f<T>(1)",
    ]


def test_a_tree_deeper_than_python_s_stack_is_read() -> None:
    file = source("x = " + " + ".join(["'a'"] * 3000) + ";")

    assert sum(node.kind == "string" for node in file.root.walk()) == 3000
