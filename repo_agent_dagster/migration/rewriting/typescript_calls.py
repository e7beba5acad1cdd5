"""Which calls name a module in TypeScript and JavaScript: require, import(), import.meta's, those of jest and vi."""

from typing import TYPE_CHECKING

from repo_agent_dagster.migration.rewriting.typescript_candidates import MOCKS

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_MEMBERS = {
    ("require", "resolve"): "require-resolve",
    ("require", "context"): "require-context",
    ("import.meta", "resolve"): "import-meta-resolve",
    ("import.meta", "glob"): "import-meta-glob",
}


def call_form(function: "SgNode") -> str | None:
    """Return the form of a call by what is called, or None where its first argument is no module's name."""
    kind = function.kind()
    if kind in {"import", "identifier"} and function.text() in {"import", "require"}:
        return "dynamic-import" if function.text() == "import" else "require"
    if kind != "member_expression":
        return None
    owner, member = function.field("object"), function.field("property")
    if owner is None or member is None:
        return None
    if member.text() in {"resolve", "glob", "context"} and owner.kind() in {"identifier", "meta_property"}:
        return _MEMBERS.get(("".join(owner.text().split()), member.text()))
    if member.text() in MOCKS and (name := _mock_owner(owner)) is not None:
        return f"{name}.{member.text()}"
    return None


def _mock_owner(owner: "SgNode") -> str | None:
    """Return jest or vi, also at the root of a chain such as ``jest.mock('./a').mock('./b')``."""
    while owner.kind() in {"call_expression", "member_expression"}:
        inner = owner.field("function" if owner.kind() == "call_expression" else "object")
        if inner is None:
            return None
        owner = inner
    return owner.text() if owner.kind() == "identifier" and owner.text() in {"jest", "vi"} else None


def first_inside(node: "SgNode") -> "SgNode | None":
    """Return the first node inside of brackets; comments do not count."""
    second = node.child(1)  # nearly always; a list of all children costs much more
    if second is not None and second.is_named() and second.kind() != "comment":
        return second
    return next((child for child in node.children() if child.is_named() and child.kind() != "comment"), None)
