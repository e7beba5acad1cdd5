"""Imports are local, of a package, or of the platform; packages are compared with what the unit declares and locks."""

import json

import pytest

from repo_agent_dagster.migration.inventory import UnitInventory
from tests.migration.inventory.conftest import Described, DescribedFile


def _local(inventory: UnitInventory, path: str) -> list[tuple[str, str | None]]:
    file = next(file for file in inventory.files if file.path == path)
    return [(one.specifier, one.target) for one in file.local_imports]


def test_relative_imports_mean_files_and_those_without_one_say_why(described: Described) -> None:
    text = (
        "import './b';\nexport * from '../lib';\nconst c = require('./c.js');\nimport '../../out';\nimport './gone';\n"
    )
    inventory = described({"src/a.ts": text, "src/b.ts": "", "lib/index.ts": "", "src/c.ts": ""})

    assert _local(inventory, "src/a.ts") == [
        ("./b", "src/b.ts"),
        ("../lib", "lib/index.ts"),
        ("./c.js", "src/c.ts"),
        ("../../out", None),
        ("./gone", None),
    ]
    assert [(place, one.line, one.reason) for place, one in inventory.unresolved] == [
        ("src/a.ts", 4, "climbs out of the unit"),
        ("src/a.ts", 5, "no such file in the unit"),
    ]


def test_aliases_of_the_nearest_tsconfig_are_local_also_those_it_extends(described: Described) -> None:
    paths = '{"@/*": ["./*"], "~env": ["env.ts"],}'
    base = '{ // with a comment\n "compilerOptions": {"baseUrl": "./src", "paths": ' + paths + "} }"
    files = {
        "tsconfig.base.json": base,
        "tsconfig.json": '{"extends": "./tsconfig.base"}',
        "src/a.ts": "import '@/b';\nimport '~env';\nimport '@/gone';\nimport '@scope/pkg';\n",
        "src/b.ts": "",
        "src/env.ts": "",
    }
    inventory = described(files)

    assert _local(inventory, "src/a.ts") == [("@/b", "src/b.ts"), ("~env", "src/env.ts"), ("@/gone", None)]
    assert [one.name for one in inventory.packages] == ["@scope/pkg"]


def test_a_base_url_makes_what_is_there_local_and_leaves_packages_alone(described: Described) -> None:
    files = {
        "tsconfig.json": '{"compilerOptions": {"baseUrl": "src"}}',
        "src/a.ts": "import 'lib/b';\nimport 'hono';\n",
        "src/lib/b.ts": "",
    }
    inventory = described(files)

    assert _local(inventory, "src/a.ts") == [("lib/b", "src/lib/b.ts")]
    assert [one.name for one in inventory.packages] == ["hono"]


def test_packages_of_the_unit_itself_are_local(described: Described) -> None:
    files = {
        "apps/web/package.json": '{"name": "web", "dependencies": {"@demo/kit": "workspace:*", "hono": "4"}}',
        "apps/web/a.ts": "import '@demo/kit';\nimport '@demo/kit/deep';\nimport '@demo/built';\nimport 'hono';\n",
        "packages/kit/package.json": '{"name": "@demo/kit", "exports": {".": {"x": "./kit.ts"}, "./*": "./lib/*.ts"}}',
        "packages/kit/kit.ts": "",
        "packages/kit/lib/deep.ts": "",
        "packages/built/package.json": '{"name": "@demo/built", "main": "dist/index.js"}',
    }
    inventory = described(files)

    assert _local(inventory, "apps/web/a.ts") == [
        ("@demo/kit", "packages/kit/kit.ts"),
        ("@demo/kit/deep", "packages/kit/lib/deep.ts"),
        ("@demo/built", "packages/built/package.json"),
    ]
    assert [one.name for one in inventory.packages] == ["hono"]


def test_names_of_a_package_for_its_own_files_are_local(described: Described) -> None:
    files = {
        "package.json": '{"imports": {"#db": {"node": "./src/db.ts"}, "#lib/*": "./lib/*.ts"}}',
        "src/a.ts": "import '#db';\nimport '#lib/x';\nimport '#gone';\n",
        "src/db.ts": "",
        "lib/x.ts": "",
    }

    assert _local(described(files), "src/a.ts") == [("#db", "src/db.ts"), ("#lib/x", "lib/x.ts"), ("#gone", None)]


def test_python_imports_mean_modules_of_the_unit_from_its_roots(described: Described) -> None:
    text = "import json\nfrom shop import cart\nfrom shop.store import Store\nfrom . import cart as c\nimport yaml\n"
    files = {
        "src/shop/__init__.py": "",
        "src/shop/app.py": text,
        "src/shop/cart.py": "",
        "src/shop/store.py": "",
    }
    inventory = described(files)

    assert {target for _, target in _local(inventory, "src/shop/app.py")} == {"src/shop/cart.py", "src/shop/store.py"}
    app = next(file for file in inventory.files if file.path == "src/shop/app.py")
    assert [(one.ecosystem, one.package) for one in app.package_imports] == [("platform", "json"), ("pypi", "pyyaml")]


def test_a_unit_that_is_a_python_package_may_import_itself_by_name(described: Described) -> None:
    inventory = described({"__init__.py": "", "cart.py": "", "app.py": "from shop.cart import x\nimport shop\n"})

    assert _local(inventory, "app.py") == [("shop.cart", "cart.py"), ("shop", "__init__.py")]
    assert inventory.packages == ()


def test_go_imports_mean_folders_of_the_units_module_or_required_modules(described: Described) -> None:
    files = {
        "go.mod": "module example.com/shop\n\nrequire (\n\tgithub.com/a/b/v2 v2.1.0 // indirect\n)\n",
        "main.go": 'package main\nimport (\n\t"fmt"\n\t"example.com/shop/cart"\n\tx "github.com/a/b/v2/deep"\n)\n',
        "cart/cart.go": "package cart\n",
    }
    inventory = described(files)

    assert _local(inventory, "main.go") == [("example.com/shop/cart", "cart/cart.go")]
    package = next(one for one in inventory.packages if one.ecosystem == "go")
    assert (package.name, package.wanted, package.status) == ("github.com/a/b/v2", ("v2.1.0",), "used")


def test_pages_name_scripts_and_styles_of_the_unit_and_addresses(described: Described) -> None:
    page = (
        '<link rel="stylesheet" href="style.css?v=2"><script src="/app.js"></script><script src="https://x.org/a.js">'
    )
    inventory = described({"public/index.html": page, "public/style.css": "", "public/app.js": ""})

    assert _local(inventory, "public/index.html") == [
        ("style.css?v=2", "public/style.css"),
        ("/app.js", "public/app.js"),
    ]
    assert [one.name for one in inventory.packages] == ["https://x.org/a.js"]


def test_scripts_that_stand_in_a_page_import_as_other_scripts_do(described: Described) -> None:
    page = (
        "<title>x</title>\n<script type=module>\nimport './app.js';\nimport { h } from 'lit';\n"
        "import 'https://x.org/y.js';\n</script><script type='application/json'>import './no.js'</script>"
    )
    inventory = described({"index.html": page, "app.js": ""})

    assert _local(inventory, "index.html") == [("./app.js", "app.js")]
    html = next(file for file in inventory.files if file.path == "index.html")
    assert [(one.ecosystem, one.package, one.line) for one in html.package_imports] == [
        ("npm", "lit", 4),
        ("url", "https://x.org/y.js", 5),
    ]


def test_npm_packages_are_used_unused_or_undeclared_with_their_versions(described: Described) -> None:
    lock = {
        "packages": {
            "": {},
            "node_modules/hono": {"version": "4.6.1"},
            "node_modules/x/node_modules/y": {"version": "1.0.0"},
        }
    }
    package = {"dependencies": {"hono": "^4.0.0", "left": "1"}, "devDependencies": {"vitest": "*"}}
    files = {
        "package.json": json.dumps(package),
        "package-lock.json": json.dumps(lock),
        "a.ts": "import 'hono/cors';\nimport '@scope/pkg/deep';\nimport fs from 'fs';\nimport 'node:path';\n",
    }
    packages = {one.name: one for one in described(files).packages}

    assert (packages["hono"].status, packages["hono"].wanted, packages["hono"].locked) == (
        "used",
        ("^4.0.0",),
        ("4.6.1",),
    )
    assert described(files).files[0].package_imports[0].version == "^4.0.0 → 4.6.1"
    assert packages["left"].status == "unused"
    assert (packages["vitest"].status, packages["vitest"].dev) == ("unused", True)
    assert (packages["@scope/pkg"].status, packages["@scope/pkg"].used_by) == ("undeclared", ("a.ts",))
    assert {name for name, one in packages.items() if one.status == "platform"} == {"node:fs", "node:path"}


@pytest.mark.parametrize(
    ("name", "text", "package", "version"),
    [
        ("yarn.lock", '"@a/b@^1.0.0", "@a/b@^1.2.0":\n  version "1.2.3"\n', "@a/b", "1.2.3"),
        ("yarn.lock", '"hono@npm:^4":\n  version: 4.1.0\n', "hono", "4.1.0"),
        ("pnpm-lock.yaml", "packages:\n  '@a/b@1.2.3(c@1)': {}\n", "@a/b", "1.2.3"),
        ("pnpm-lock.yaml", "packages:\n  /hono/4.1.0: {}\n", "hono", "4.1.0"),
        ("bun.lock", '{"packages": {"hono": ["hono@4.1.0", "", {}],},}', "hono", "4.1.0"),
        ("package-lock.json", '{"dependencies": {"hono": {"version": "4.1.0"}}}', "hono", "4.1.0"),
        ("poetry.lock", '[[package]]\nname = "PyYAML"\nversion = "6.0"\n', "pyyaml", "6.0"),
        ("uv.lock", '[[package]]\nname = "httpx"\nversion = "0.28"\n', "httpx", "0.28"),
        ("Pipfile.lock", '{"default": {"httpx": {"version": "==0.28"}}}', "httpx", "0.28"),
    ],
)
def test_every_usual_lock_file_tells_versions(
    described: Described, name: str, text: str, package: str, version: str
) -> None:
    files = {
        name: text,
        "package.json": json.dumps({"dependencies": {"hono": "*", "@a/b": "*"}}),
        "requirements.txt": "PyYAML\nhttpx\n",
    }
    assert next(one for one in described(files).packages if one.name == package).locked == (version,)


def test_python_packages_come_from_pyproject_poetry_and_requirements(described: Described) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["httpx[http2]>=0.27 ; python_version > \'3\'"]\n'
        '[dependency-groups]\ndev = ["pytest"]\n'
        '[tool.poetry.dependencies]\npython = "^3.11"\nrich = {version = "^13"}\n',
        "requirements-dev.txt": "# tools\n-r requirements.txt\nRuff==0.9  # pinned\n",
    }
    packages = {one.name: (one.wanted, one.dev) for one in described(files).packages}

    assert packages == {
        "httpx": ((">=0.27",), False),
        "pytest": ((), True),
        "rich": (("^13",), False),
        "ruff": (("==0.9",), True),
    }


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("package-lock.json", "{", "not JSON"),
        ("uv.lock", "[", "not TOML"),
        ("pnpm-lock.yaml", "a: [", "not YAML"),
        ("pnpm-lock.yaml", "#" * 2_000_001, "its versions were not read"),
    ],
)
def test_a_lock_file_that_cannot_be_read_is_a_note_and_no_error(
    described_file: DescribedFile, name: str, text: str, note: str
) -> None:
    assert note in described_file(name, text).notes[0]


def test_a_test_tells_its_cases_and_the_files_it_is_about(described: Described) -> None:
    files = {
        "src/cart.ts": "export const cart = 1;",
        "src/other.ts": "export const other = 1;",
        "src/cart.test.ts": "import { cart } from './cart';\nimport './other';\nit('a', f);\ntest.only('b', f);\n",
        "test_x.py": "from lib import x\nimport pytest\ndef test_a(): ...\nasync def test_b(): ...\n",
        "lib.py": "x = 1",
        "a.go": "package a",
        "a_test.go": "package a\nimport \"testing\"\nfunc TestA(t *testing.T) {}\nfunc Testimony() {}\n",
    }  # fmt: skip
    tests = {file.path: (file.test.cases, file.test.subjects) for file in described(files).tests if file.test}

    assert tests == {
        "src/cart.test.ts": (2, ("src/cart.ts",)),
        "test_x.py": (2, ("lib.py",)),
        "a_test.go": (1, ("a.go",)),
    }


def test_a_pattern_that_is_asked_whether_it_fits_is_no_test(described_file: DescribedFile) -> None:
    file = described_file("a.ts", "const it = (x: string) => x;\nit('looks like one');\n/x/.test('y');\n")

    assert file.test is None
