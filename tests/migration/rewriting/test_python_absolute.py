"""Absolute Python imports of a unit's own modules: they follow where the new name is certain, else they are listed."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from tests.migration.rewriting.one_file import rewrite_file

RENAMED = {
    "pyproject.toml": "packages/core/pyproject.toml",
    "src/demo/__init__.py": "packages/core/src/core/__init__.py",
    "src/demo/main.py": "packages/core/src/core/main.py",
    "src/demo/db/__init__.py": "packages/core/src/core/storage/__init__.py",
    "src/demo/db/store.py": "packages/core/src/core/storage/store.py",
    "src/demo/old.py": "packages/core/src/core/new.py",
    "tests/test_main.py": "packages/core/tests/test_main.py",
    "tests/helper.py": "packages/core/tests/helper.py",
    "scripts/run.py": "tools/run.py",
    "scripts/lib.py": "tools/lib/lib.py",
}
"""A package in src/ that gets another name, and tests and scripts that import it."""


def rewrite(
    path: str,
    text: str,
    *rules: ImportRule,
    moved: Mapping[str, str] = RENAMED,
    left: Iterable[str] = (),
    standing: Iterable[str] = (),
) -> Rewritten:
    relocation = Relocation(frozenset({*moved, *left}), moved, frozenset(standing).__contains__)
    return rewrite_file(path, text.encode(), relocation, rules)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("tests/test_main.py", "from demo.main import x\n", "from core.main import x\n"),
        ("tests/test_main.py", "from demo import main, VERSION\n", "from core import main, VERSION\n"),
        ("tests/test_main.py", "from demo.db import store\n", "from core.storage import store\n"),
        ("tests/test_main.py", "import demo.db.store as s\n", "import core.storage.store as s\n"),
        ("tests/test_main.py", "import demo\n", "import core as demo\n"),
        ("tests/test_main.py", "from demo.old import x\n", "from core.new import x\n"),
        ("tests/test_main.py", "from helper import x\n", "from helper import x\n"),
        ("src/demo/main.py", "from demo.db.store import x\n", "from core.storage.store import x\n"),
        ("src/demo/main.py", "import os, demo as d\n", "import os, core as d\n"),
        ("scripts/run.py", "def f():\n    from demo.main import x\n", "def f():\n    from core.main import x\n"),
        (
            "src/demo/main.py",
            "import json\nimport yaml\nfrom x.y import z\n",
            "import json\nimport yaml\nfrom x.y import z\n",
        ),
    ],
)
def test_an_import_follows_its_package_to_a_new_name(path: str, before: str, after: str) -> None:
    rewritten = rewrite(path, before)

    assert rewritten.content.decode() == after
    assert rewritten.unresolved == ()


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("tests/test_main.py", "import demo.main\n", "`import demo.main` is used by its full name"),
        ("tests/test_main.py", "from demo import old\n", "means src/demo/old.py, which gets another name"),
        ("scripts/run.py", "import lib\n", "means tools/lib/lib at the destination, which is in no package"),
    ],
)
def test_a_name_that_is_not_certain_is_left_and_listed(path: str, text: str, reason: str) -> None:
    rewritten = rewrite(path, text)

    assert rewritten.content.decode() == text
    assert [one.reason[: len(reason)] for one in rewritten.unresolved] == [reason]


def test_a_rule_decides_before_the_move_does() -> None:
    rewritten = rewrite("tests/test_main.py", "from demo.main import x\n", ImportRule(prefix="demo", to="shared.demo"))

    assert rewritten.content == b"from shared.demo.main import x\n"
    assert rewritten.rules_hit == {0}


def test_a_module_that_no_rule_moves_is_listed() -> None:
    rewritten = rewrite("tests/test_main.py", "from demo.left import x\n", left=["src/demo/left.py"])

    assert rewritten.unresolved[0].reason.startswith("means src/demo/left.py, which no files rule moves")


def test_a_package_that_moves_into_a_package_of_the_destination_is_named_from_its_top() -> None:
    moved = {"demo/__init__.py": "mono/apps/demo/__init__.py", "demo/a.py": "mono/apps/demo/a.py", "run.py": "run.py"}
    standing = ["mono/__init__.py", "mono/apps/__init__.py"]

    rewritten = rewrite("run.py", "from demo.a import x\n", moved=moved, standing=standing)

    assert rewritten.content == b"from mono.apps.demo.a import x\n"


def test_scripts_that_move_together_still_find_each_other() -> None:
    moved = {"a/run.py": "x/run.py", "a/lib.py": "x/lib.py", "a/doc.md": "y/doc.md"}

    rewritten = rewrite("a/run.py", "import lib\nfrom lib import x\n", moved=moved)

    assert (rewritten.rewrites, rewritten.unresolved) == ((), ())


def test_a_script_follows_the_new_name_of_the_one_beside_it() -> None:
    moved = {"a/run.py": "x/run.py", "a/lib.py": "x/library.py", "a/doc.md": "y/doc.md"}

    assert rewrite("a/run.py", "import lib\n", moved=moved).content == b"import library as lib\n"


def test_a_folder_of_other_files_is_no_module() -> None:
    moved = {"run.py": "x/run.py", "docker/build.py": "y/build.py", "yaml/a.yaml": "z/a.yaml"}

    rewritten = rewrite("run.py", "import docker\nimport yaml\nfrom docker import from_env\n", moved=moved)

    assert (rewritten.rewrites, rewritten.unresolved) == ((), ())


def test_modules_of_the_standard_library_are_not_taken_for_the_units() -> None:
    moved = {"run.py": "x/run.py", "logging/__init__.py": "y/logs/__init__.py"}

    assert rewrite("run.py", "import logging\n", moved=moved).rewrites == ()


def test_a_name_that_two_roots_could_mean_is_listed_if_they_part() -> None:
    moved = {
        "run.py": "x/run.py",
        "demo/__init__.py": "one/demo/__init__.py",
        "src/demo/__init__.py": "two/other/__init__.py",
    }

    rewritten = rewrite("run.py", "from demo import x\n", moved=moved)

    assert rewritten.unresolved[0].reason.startswith("may be the module in the unit's root or src")


STRING_CALLS = [
    ("importlib.import_module('legacy.db')", "importlib.import_module('modern.db')"),
    ('import_module(\n    "legacy.db"\n)', 'import_module(\n    "modern.db"\n)'),
    ("__import__('legacy')", "__import__('modern')"),
    ("mock.patch('legacy.db.Store.get', x)", "mock.patch('modern.db.Store.get', x)"),
    ("unittest.mock.patch(r'legacy.db')", "unittest.mock.patch(r'modern.db')"),
    ("@patch('legacy.db')\ndef f(): ...", "@patch('modern.db')\ndef f(): ..."),
    ("patch.dict('legacy.db.CACHE', {})", "patch.dict('modern.db.CACHE', {})"),
    ("mocker.patch('exact.name.Class')", "mocker.patch('precise.Class')"),
    ("monkeypatch.setattr('legacy.db.x', 1)", "monkeypatch.setattr('modern.db.x', 1)"),
]
OTHER_CALLS = [
    "import_module(name)",
    "import_module(f'legacy.{x}')",
    "import_module('legacy.' 'db')",
    "import_module('legacy\\x2edb')",
    "load('legacy.db')",
    "client.patch('legacy.db')",
    "setattr('legacy.db', 'x', 1)",
    "monkeypatch.setattr(legacy, 'db', 1)",
    "x = 'legacy.db'",
    "import_module('exactly.name')",
]
STRING_RULES = (ImportRule(prefix="legacy", to="modern"), ImportRule(exact="exact.name", to="precise", language="py"))


@pytest.mark.parametrize(("before", "after"), STRING_CALLS)
def test_a_string_that_names_a_module_to_a_known_function_obeys_rules(before: str, after: str) -> None:
    rewritten = rewrite("run.py", f"é = 1\n{before}\n", *STRING_RULES, moved={"run.py": "x/run.py"})

    assert rewritten.content.decode() == f"é = 1\n{after}\n"


@pytest.mark.parametrize("text", OTHER_CALLS)
def test_any_other_string_stays(text: str) -> None:
    rewritten = rewrite("run.py", text + "\n", *STRING_RULES, moved={"run.py": "x/run.py"})

    assert rewritten.content.decode() == text + "\n"


def test_a_string_is_not_changed_without_a_rule() -> None:
    text = "import_module('demo.main')\nimport_module('json')\n__import__('demo')\n"

    rewritten = rewrite("tests/test_main.py", text)

    assert rewritten.content.decode() == text
    assert [(one.line, one.reason[:28]) for one in rewritten.unresolved] == [(3, "is 'core' at the destination")]


_MODULES = st.lists(
    st.sampled_from(["demo/a.py", "demo/sub/__init__.py", "demo/sub/b.py", "demo/c.py", "tool.py", "tests/t.py"]),
    min_size=2,
    unique=True,
)


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@given(_MODULES, st.sampled_from(["", "apps/x/", "src/"]), st.data())
def test_a_unit_that_moves_as_a_whole_is_untouched(paths: list[str], to: str, data: st.DataObject) -> None:
    moved = {path: to + path for path in [*paths, "demo/__init__.py"]}
    importer = data.draw(st.sampled_from(paths))
    text = "".join(f"from {_dotted(path)} import x\nimport {_dotted(path)}\n" for path in paths)

    rewritten = rewrite(importer, text, moved=moved)

    assert (rewritten.content.decode(), rewritten.unresolved) == (text, ())


@given(_MODULES, st.sampled_from(["core", "main_package"]), st.data())
def test_every_import_of_a_package_that_gets_another_name_means_the_moved_module(
    paths: list[str], name: str, data: st.DataObject
) -> None:
    own = [path for path in [*paths, "demo/__init__.py"] if path.startswith("demo/")]
    assume(len(own) > 1)
    moved = {path: "lib/" + path.replace("demo", name, 1) if path in own else f"lib/{path}" for path in [*paths, *own]}
    importer = data.draw(st.sampled_from([path for path in moved if not path.startswith("tests/")]))
    text = "".join(f"from {_dotted(path)} import x\n" for path in own)

    rewritten = rewrite(importer, text, moved=moved)

    expected = "".join(f"from {_dotted(moved[path].removeprefix('lib/'))} import x\n" for path in own)
    assert rewritten.content.decode() == expected


@given(_MODULES, st.sampled_from(["core", "other"]))
def test_rewriting_again_changes_nothing_more(paths: list[str], name: str) -> None:
    moved = {path: path.replace("demo", name, 1) for path in [*paths, "demo/__init__.py", "run.py"]}
    text = "".join(f"from {_dotted(path)} import x\n" for path in paths)
    once = rewrite("run.py", text, moved=moved).content.decode()

    there = {path: path for path in moved.values()}

    assert rewrite("run.py", once, moved=there).content.decode() == once
