"""A seeded generator of a TypeScript unit whose every module specifier is known: where it stands and what it becomes.

What a specifier becomes is worked out here from the places of the files alone, without the code that is measured.
Traps are what only looks like a specifier: in comments, strings, templates, patterns, JSX text, calls of other names.
"""

import posixpath
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SEED = 7
DESTINATION = "apps/unit"
MANIFEST = f"""\
unit: unit
destination: {DESTINATION}
files:
  - {{from: "src/api/**/*", to: "server/http"}}
  - {{from: "src/legacy/**/*", to: "legacy"}}
  - {{from: "src/shell/*/*.ts", to: "shell"}}
  - {{from: "**/*"}}
imports:
  - {{exact: "../../utils", to: "@shared/utils"}}
  - {{prefix: "@staging/", to: "@app/"}}
  - {{regex: '(?:\\.\\./)+lib/(?P<rest>.+)', to: '@lib/\\g<rest>'}}
"""
_AREAS = ("api", "legacy", "shell", "model", "store", "view")
_PLACES = {"api": "server/http/", "legacy": "legacy/", "shell": "shell/"}
_ENDINGS = (".ts",) * 11 + (".tsx",) * 3 + (".js", ".js", ".d.ts", ".mts", ".cjs", ".jsx")
_COMPILED = {".ts": ".js", ".tsx": ".jsx", ".mts": ".mjs"}


@dataclass(frozen=True)
class Truth:
    """One specifier: its span in characters of the file's text (without BOM), and its text before and after."""

    start: int
    end: int
    form: str
    old: str
    new: str


@dataclass(frozen=True)
class SourceFile:
    """One file of the unit: its bytes, where they go, what they become, and the specifiers that a reader must find."""

    path: str
    new_path: str
    content: bytes
    expected: bytes
    text: str
    truths: tuple[Truth, ...]
    traps: int


@dataclass(frozen=True)
class SpecifierTree:
    """The unit, file by file."""

    files: tuple[SourceFile, ...]

    @property
    def specifiers(self) -> int:
        """How many specifiers the files hold."""
        return sum(len(file.truths) for file in self.files)

    @property
    def changing(self) -> int:
        """How many of them a migration changes."""
        return sum(truth.old != truth.new for file in self.files for truth in file.truths)

    @property
    def traps(self) -> int:
        """How many places only look like a specifier that changes."""
        return sum(file.traps for file in self.files)

    @property
    def forms(self) -> Mapping[str, int]:
        """How many specifiers stand in each form."""
        return Counter(truth.form for file in self.files for truth in file.truths)

    def write(self, unit: Path) -> None:
        """Write the unit with its manifest."""
        for folder in sorted({posixpath.dirname(file.path) for file in self.files}):
            (unit / folder).mkdir(parents=True, exist_ok=True)
        for file in self.files:
            (unit / file.path).write_bytes(file.content)
        (unit / "migration-manifest.yaml").write_text(MANIFEST)


def make_specifier_tree(count: int, seed: int = SEED) -> SpecifierTree:
    """Return a unit of `count` source files (and one JSON asset for each fifty of them), the same for the same seed."""
    chance = random.Random(seed)
    paths = [_path(number, chance) for number in range(count)]
    assets = [f"src/{_AREAS[number % 6]}/f{number:02}/view{number}.html" for number in range(max(6, count // 50))]
    files = [_Writer(path, paths, assets, chance).file() for path in paths]
    pages = (b"<script>import '../../utils'</script>\n" for _ in assets)
    files += [
        SourceFile(path, _new_path(path), page, page, "", (), 0) for path, page in zip(assets, pages, strict=True)
    ]
    return SpecifierTree(tuple(files))


def _path(number: int, chance: random.Random) -> str:
    if number < len(_AREAS) * 2:  # each area has a folder with an index, and a file of declarations
        area = _AREAS[number % len(_AREAS)]
        return f"src/{area}/f00/{'index.ts' if number < len(_AREAS) else f'types{number}.d.ts'}"
    return f"src/{_AREAS[number % 6]}/f{number // 150:02}/m{number:04}{chance.choice(_ENDINGS)}"


def _new_path(path: str) -> str:
    _, area, *rest = path.split("/")
    if area == "shell" and not path.endswith((".ts",)):
        return f"{DESTINATION}/{path}"
    place = _PLACES.get(area)
    return f"{DESTINATION}/{path}" if place is None else f"{DESTINATION}/{place}{'/'.join(rest)}"


def _relative(target: str, importer: str) -> str:
    found = posixpath.relpath(target, posixpath.dirname(importer))
    return found if found.startswith("../") else f"./{found}"


class _Writer:
    """Writes one file: pieces of text, some of which change."""

    def __init__(self, path: str, paths: Sequence[str], assets: Sequence[str], chance: random.Random) -> None:
        self._path, self._paths, self._assets, self._chance = path, paths, assets, chance
        area = path.split("/")[1]
        self._near = [one for one in paths if one.startswith(f"src/{area}/")]
        self._typed = path.endswith((".ts", ".tsx", ".mts"))
        self._declares = path.endswith(".d.ts")
        self._marked = path.endswith(("x",))
        self._pieces: list[tuple[str, str, str]] = []  # form ("" for plain text), before, after
        self._traps = 0

    def file(self) -> SourceFile:
        chance = self._chance
        if chance.random() < 0.12:
            self._text(chance.choice(["// 😀 naïve – größer\n", "/* лес */\n", "/** @see {@link x} 𝒳 */\n"]))
        if self._typed and chance.random() < 0.05:
            self._reference()
        for index in range(chance.randint(2, 4)):
            self._import(index)
        if chance.random() < 0.135:
            self._trap()
        self._text("\n" + _declarations(chance) if self._declares else "\n" + _body(chance, typed=self._typed))
        if not self._declares:
            for index in range(chance.choice([0, 0, 0, 1, 1, 1, 2])):
                self._call(index)
            if self._marked and chance.random() < 0.7:
                self._text("export const view = <p>import x from '../../utils'</p>;\n")
                self._traps += 1
        self._text(_declarations(chance) if self._declares else _body(chance, typed=self._typed))
        return self._finished()

    def _finished(self) -> SourceFile:
        chance, truths, position = self._chance, [], 0
        if chance.random() < 0.2:  # no newline at the end
            form, old, new = self._pieces[-1]
            self._pieces[-1] = (form, old.rstrip("\n"), new.rstrip("\n"))
        line_end = "\r\n" if chance.random() < 0.15 else "\n"
        before, after = [], []
        for form, old, new in self._pieces:
            told = old.replace("\n", line_end)
            before.append(told)
            after.append(new.replace("\n", line_end))
            if form:
                truths.append(Truth(position, position + len(told), form, told, new))
            position += len(told)
        bom = "\ufeff" if chance.random() < 0.08 else ""
        text, new_text = "".join(before), "".join(after)
        new_path = _new_path(self._path)
        content, expected = (bom + text).encode(), (bom + new_text).encode()
        return SourceFile(self._path, new_path, content, expected, text, tuple(truths), self._traps)

    def _text(self, text: str) -> None:
        self._pieces.append(("", text, text))

    def _specifier(self, form: str, before: str, after: str, meant: tuple[str, str] | None = None) -> None:
        """Add a specifier between two pieces of text, in either kind of quotes."""
        quote = self._chance.choice("''\"")
        old, new = meant or self._meaning()
        self._text(before + quote)
        self._pieces.append((form, old, new))
        self._text(quote + after)

    def _meaning(self) -> tuple[str, str]:
        """Choose what a specifier says, before and after."""
        kind = self._chance.random()
        if kind < 0.10:
            return "../../utils", "@shared/utils"
        if kind < 0.22:
            name = self._chance.choice(["log", "db/client", "ui", "types/order.js"])
            return f"@staging/{name}", f"@app/{name}"
        if kind < 0.26:
            return "../../lib/deep/part", "@lib/deep/part"
        if kind < 0.56:
            package = self._chance.choice(["react", "node:fs", "hono/jwt", "@stagings/x", "@types/staging"])
            return package, package
        near = self._chance.random() < 0.6
        return self._moved(self._chance.choice(self._near if near else self._paths))

    def _moved(self, target: str) -> tuple[str, str]:
        """Return how this file names another one, before and after both have moved."""
        ending = next(one for one in (".d.ts", posixpath.splitext(target)[1]) if target.endswith(one))
        stem, new_stem = target.removesuffix(ending), _new_path(target).removesuffix(ending)
        written = self._chance.choice(["", "", _COMPILED.get(ending, ""), ending]) if ending != ".d.ts" else ""
        if ending in {".cjs", ".mts"}:
            written = ending
        if target.endswith("/index.ts") and self._chance.random() < 0.7:
            stem, new_stem, written = posixpath.dirname(stem), posixpath.dirname(new_stem), ""
        return self._named(stem + written, new_stem + written)

    def _named(self, target: str, new_target: str) -> tuple[str, str]:
        return _relative(target, self._path), _relative(new_target, _new_path(self._path))

    def _asset(self) -> tuple[str, str]:
        target = self._chance.choice(self._assets)
        return self._named(target, _new_path(target))

    def _reference(self) -> None:
        target = self._chance.choice([path for path in self._paths if path.endswith(".d.ts")])
        self._specifier("reference-path", "/// <reference path=", " />\n", self._named(target, _new_path(target)))

    def _import(self, index: int) -> None:
        name = f"imported{index}"
        if self._path.endswith(".cjs"):
            self._specifier("require", f"const {name} = require(", ");\n")
            return
        ways: list[Callable[[], None]] = [
            lambda: self._specifier("import", f"import {name} from ", ";\n"),
            lambda: self._specifier("import", f"import {{\n  one as {name}, // from '../../utils'\n}} from ", ";\n"),
            lambda: self._specifier("import", f"import{{two as {name}}}from", ";\n"),
            lambda: self._specifier("namespace-import", f"import * as {name} from ", "\n"),
            lambda: self._specifier("side-effect-import", "import ", ";\n"),
            lambda: self._specifier("export-from", f"export {{ {name} }} from ", ";\n"),
            lambda: self._specifier("export-star", "export * from ", ";\n"),
        ]
        if self._typed:
            ways += [
                lambda: self._specifier("import-type", f"import type {{ {name} }} from ", ";\n"),
                lambda: self._specifier("import-type-node", f"export type T{index} = import(", ").Kind;\n"),
                lambda: self._specifier("typeof-import", f"export type M{index} = typeof import(", ");\n"),
            ]
        if self._typed and not self._path.endswith(".mts"):
            ways.append(lambda: self._specifier("import-require", f"import {name} = require(", ");\n"))
        if self._declares:
            ways += [lambda: self._specifier("declare-module", "declare module ", f" {{ const {name}: 1; }}\n")] * 4
        if index and not self._declares:
            ways.append(lambda: self._specifier("import", f"import page{index} from ", ";\n", self._asset()))
        self._chance.choice(ways)()

    def _call(self, index: int) -> None:
        name = f"loaded{index}"
        ways: list[Callable[[], None]] = [
            lambda: self._specifier(
                "dynamic-import", f"export const {name} = () => import(/* '../../utils' */ ", ");\n"
            ),
            lambda: self._specifier("require", f"const {name} = require(", ").value;\n"),
            lambda: self._specifier("require-resolve", f"const {name} = require.resolve(", ");\n"),
            lambda: self._specifier("mock", "jest.mock(", ", () => ({ a: 1 }));\n"),
            lambda: self._specifier("mock", "vi\n  .doMock(", ");\n"),
            lambda: self._specifier("url", f"const {name} = new URL(", ", import.meta.url);\n", self._asset()),
        ]
        if self._typed:
            ways += [lambda: self._generic_mock(name)] * 2
        self._chance.choice(ways)()

    def _generic_mock(self, name: str) -> None:
        meant = self._meaning()
        mock = self._chance.choice(["jest.requireActual", "vi.importActual", "jest.requireMock"])
        awaited = "await " if mock.startswith("vi") else ""
        self._specifier("typeof-import", f"const {name} = {{ ...({awaited}{mock}<typeof import(", ")>", meant)
        self._specifier("generic-mock", "(", ")) };\n", meant)

    def _trap(self) -> None:
        traps = list(_TRAPS if self._typed else _TRAPS[:-2])
        if self._declares:
            traps = list(_TRAPS[:4])
        self._traps += 1
        self._text(self._chance.choice(traps))


_TRAPS = (
    "// import x from '../../utils';\n",
    "/* export * from '@staging/log'; require('../../utils') */\n",
    "/**\n * @example\n * import { x } from '../../utils';\n * jest.mock('@staging/log');\n */\n",
    "/* /// <reference path='../../lib/x.d.ts' /> */\n",
    "const trapString = \"import x from '../../utils'\";\n",
    "const trapTemplate = `\nimport x from '../../utils';\nexport * from '@staging/log';\n`;\n",
    "const trapInner = `a ${'../../utils'} ${`require('@staging/log')`} b`;\n",
    "const trapRegex = /from '..\\/..\\/utils'; import('@staging\\/log')/g;\n",
    "this.require('../../utils');\n",
    "const trapPath = { from: '../../utils', require: '@staging/log' };\n",
    "requires('../../utils'); imports('@staging/log'); Jest.mock('../../utils');\n",
    "new URL('../../utils', base); new URLs('@staging/log', import.meta.url);\n",
    "jest.fn('../../utils'); vi.fn('@staging/log'); other.mock('../../utils');\n",
    "fetch('../../utils'); path.join('@staging/log', '../../lib/x');\n",
    "const trapRatio = total / 2; const again = \"require('../../utils') / 2\";\n",
    "const from = '../../utils'; const type = '@staging/log';\n",
    "const trapCompared = one < two > ('../../utils');\n",
    "type TrapLiteral = '../../utils' | '@staging/log';\n",
    "const trapAs = '../../utils' as '@staging/log';\n",
)


def _declarations(chance: random.Random) -> str:
    names = [f"Kind{chance.randrange(1000)}x{index}" for index in range(4)]
    return "".join(
        f"export interface {name} {{\n  id: string;\n  weight?: number;\n  readonly tags: readonly string[];\n}}\n"
        f"export declare function make{name}(id: string, weight?: number): {name};\n"
        for name in names
    )


def _body(chance: random.Random, *, typed: bool) -> str:
    """Return some functions, as most code is."""
    number, text, returns = (": number", ": string", ": string") if typed else ("", "", "")
    parts = []
    for _ in range(chance.randint(1, 3)):
        name = f"step{chance.randrange(10_000)}"
        parts.append(
            f"/** Folds the text into a weight; see {name}'s caller. */\n"
            f"export function {name}(weight{number}, text{text}){returns} {{\n"
            f"  let sum = weight + {chance.randrange(100)};\n"
            "  for (let at = 0; at < text.length; at += 1) {\n"
            "    const code = text.charCodeAt(at); // one unit\n"
            "    if (code > 64 && code < 91) {\n"
            f"      sum = (sum * 31 + code) % {chance.randrange(1, 65536)};\n"
            "    } else if ([' ', '\\n', \"'\"].includes(text[at] ?? '')) {\n"
            "      sum -= 1 / 2;\n"
            "    }\n"
            "  }\n"
            f"  return sum > {chance.randrange(100)} ? `${{text}}-${{sum}}` : text.padStart(8, '0');\n"
            "}\n\n"
        )
    return "".join(parts)
