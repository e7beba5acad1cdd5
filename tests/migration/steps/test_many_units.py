"""Twenty units into one monorepo, again and again, as upstream and the monorepo both change."""

import random

import pytest

from tests.migration.steps.conftest import Yard

pytestmark = pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced

IMPORTS = b"import { line1 } from '../shared/lines';\nimport '@shared/log';\n"
UNITS = [f"demo-{number:02}" for number in range(20)]


def manifest(unit: str, number: int) -> str:
    after = f"after: [{UNITS[number - 1]}]\n" if number % 5 else ""
    return (
        f"unit: {unit}\ndestination: apps/{unit}\n{after}"
        "files: [{from: 'src/lib/**/*', to: shared}, {from: '**/*'}]\n"
        "imports: [{prefix: '@vendor/', to: '@shared/', language: ts}]\n"
        "merge: [{files: package.json, by: json-merge}]\n"
    )


def files(unit: str, number: int, version: int) -> dict[str, str]:
    lines = [f"export const line{line} = {line * (version if line == 3 else 1)};" for line in range(12)]
    return {
        "package.json": f'{{\n  "name": "{unit}",\n  "version": "{version}.0.0",\n  "private": true\n}}\n',
        "src/index.ts": f"import {{ line1 }} from './lib/lines';\nimport '@vendor/log';\nexport default {version};\n",
        "src/lib/lines.ts": "\n".join(lines) + "\n",
        **({f"src/new{version}.ts": "export {};\n"} if number % 3 == 0 else {}),
    }


def test_twenty_units_arrive_are_edited_and_arrive_again(yard: Yard) -> None:
    chance = random.Random(4)
    edited: dict[str, bytes] = {}
    for version in (1, 2, 3):
        for number, unit in enumerate(UNITS):
            yard.drop(files(unit, number, version), manifest=manifest(unit, number), unit=unit)
            yard.run(unit)
        tree = yard.tree()
        for unit in UNITS:
            lines = tree[f"apps/{unit}/shared/lines.ts"].decode().splitlines()
            assert lines[3].endswith(f"= {3 * version};")
            assert tree[f"apps/{unit}/src/index.ts"].startswith(
                b"import { line1 } from '../shared/lines';\nimport '@shared/log';\n"
            )
            assert f'"version": "{version}.0.0"'.encode() in tree[f"apps/{unit}/package.json"]
        for path, line in edited.items():
            assert line in tree[path]
        unit = chance.choice(UNITS)
        for path, old, new in (
            (f"apps/{unit}/shared/lines.ts", b"line9 = 9;", b"line9 = 9; // ours %d" % version),
            (f"apps/{unit}/package.json", b'"private": true', b'"private": true,\n  "ours%d": 1' % version),
        ):
            (yard.target / path).write_bytes(tree[path].replace(old, new))
            edited[path] = b"ours %d" % version if path.endswith(".ts") else b'"ours%d": 1' % version
    assert all(yard.run(unit).status == "nothing_to_do" for unit in UNITS)
