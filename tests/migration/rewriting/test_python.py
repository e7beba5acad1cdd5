"""Python's imports: relative ones follow their files, rules rename modules, and what a name binds stays bound."""

import pytest

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.rewriting.file import Rewritten
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from tests.migration.rewriting.one_file import rewrite_file

RULES = (
    ImportRule(exact="utils", to="shared.utils", language="py"),
    ImportRule(prefix="legacy", to="modern"),
    ImportRule(exact="broken", to="not-a-module"),
    ImportRule(exact="inward", to=".here"),
)
MOVED = {
    "pkg/__init__.py": "apps/x/pkg/__init__.py",
    "pkg/main.py": "apps/x/main.py",
    "pkg/a.py": "apps/x/pkg/a.py",
    "pkg/sub/__init__.py": "apps/x/pkg/sub/__init__.py",
    "pkg/sub/b.py": "apps/x/pkg/sub/b.py",
    "pkg/space/c.py": "apps/x/space/c.py",
    "pkg/odd.py": "apps/my-app/odd.py",
    "pkg/renamed.py": "apps/x/pkg/other.py",
}
RELOCATION = Relocation(frozenset({*MOVED, "pkg/left.py"}), MOVED, lambda _: False)


def rewrite(text: str) -> Rewritten:
    return rewrite_file("pkg/main.py", text.encode(), RELOCATION, RULES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from .a import x\n", "from .pkg.a import x\n"),
        ("from . import a\n", "from .pkg import a\n"),
        ("from . import a, VERSION\n", "from .pkg import a, VERSION\n"),
        ("from .sub import b\n", "from .pkg.sub import b\n"),
        ("from .sub import CONSTANT as c\n", "from .pkg.sub import CONSTANT as c\n"),
        ("from .space import c\n", "from .space import c\n"),
        ("from .renamed import x\n", "from .pkg.other import x\n"),
        (
            "if 1:\n\tfrom .sub.b import (\n\t\tx,  # from .a\n\t\ty,\n\t)\n",
            "if 1:\n\tfrom .pkg.sub.b import (\n\t\tx,  # from .a\n\t\ty,\n\t)\n",
        ),
        ("def f():\r\n    é = 1; from .a import x\r\n", "def f():\r\n    é = 1; from .pkg.a import x\r\n"),
        ("from . a import x\n", "from .pkg.a import x\n"),
        ("import utils\n", "import shared.utils as utils\n"),
        ("import utils as u, os\n", "import shared.utils as u, os\n"),
        ("from utils import x\n", "from shared.utils import x\n"),
        ("from legacy.db import x; import legacy.api as api\n", "from modern.db import x; import modern.api as api\n"),
        ("from legacy_tools import x\n", "from legacy_tools import x\n"),
        ("s = 'from .a import x'  # import utils\n", "s = 'from .a import x'  # import utils\n"),
        (
            "from __future__ import annotations\nimport os.path\n",
            "from __future__ import annotations\nimport os.path\n",
        ),
    ],
)
def test_a_module_name_is_rewritten_and_nothing_around_it(before: str, after: str) -> None:
    rewritten = rewrite(before)

    assert rewritten.content.decode() == after
    assert rewritten.unresolved == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from .nowhere import x\n", "no such module in the unit"),
        ("from ...x import y\n", "climbs out of the unit"),
        ("from .left import y\n", "means pkg/left.py, which no files rule moves"),
        ("from . import left\n", "means pkg/left.py, which no files rule moves"),
        ("from . import renamed\n", "means pkg/renamed.py, which gets another name"),
        ("from . import a, odd\n", "names modules that move apart"),
        ("from .odd import x\n", "would have to name 'my-app'"),
        ("import legacy.db\n", "`import legacy.db` is used by its full name"),
        ("import broken\n", "would become 'not-a-module'"),
        ("import inward\n", "would become '.here'; only"),
        ("import a; print 'two'\n", "not Python that this version reads"),
    ],
)
def test_what_cannot_be_rewritten_is_left_and_listed(text: str, reason: str) -> None:
    rewritten = rewrite(text)

    assert rewritten.content.decode() == text
    (unresolved,) = rewritten.unresolved
    assert unresolved.reason.startswith(reason)
    assert unresolved.line == 1


def test_modules_at_the_root_of_a_unit_follow_without_a_package() -> None:
    moved = {"main.py": "x/main.py", "helper.py": "x/lib/helper.py"}

    rewritten = rewrite_file(
        "main.py", b"from . import helper\n", Relocation(frozenset(moved), moved, lambda _: False), ()
    )

    assert rewritten.content == b"from .lib import helper\n"


def test_a_folder_without_init_is_a_package_if_its_files_move_together() -> None:
    moved = {"main.py": "x/main.py", "ns/a.py": "x/lib/ns/a.py", "ns/b.py": "x/lib/ns/b.py"}
    together = Relocation(frozenset(moved), moved, lambda _: False)
    apart = Relocation(frozenset(moved), {**moved, "ns/b.py": "y/b.py"}, lambda _: False)

    assert rewrite_file("main.py", b"from .ns import *\n", together, ()).content == b"from .lib.ns import *\n"
    listed = rewrite_file("main.py", b"from .ns import *\n", apart, ()).unresolved
    assert [one.reason for one in listed] == ["means a folder whose files do not move to one folder"]
