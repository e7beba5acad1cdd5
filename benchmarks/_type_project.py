"""A seeded generator of a TypeScript project: layers of modules that import each other, as an application's do."""

import json
import random
from pathlib import Path

SEED = 7
LAYERS = ("model", "store", "service", "view")

_TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "target": "es2022",
        "module": "esnext",
        "moduleResolution": "bundler",
        "lib": ["es2022", "dom"],
        "skipLibCheck": True,
        "noEmit": True,
        "types": [],
    },
    "include": ["src"],
}


def module_path(number: int) -> str:
    """Return where a module is, relative to the project."""
    return f"src/{LAYERS[number % len(LAYERS)]}/g{number // 40:02}/m{number:04}.ts"


def make_project(root: Path, files: int) -> None:
    """Fill a folder with a project of that many modules, without a type error."""
    chance = random.Random(SEED)
    for number in range(files):
        path = root / module_path(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_module(number, chance))
    (root / "tsconfig.json").write_text(json.dumps(_TSCONFIG, indent=2))
    (root / "package.json").write_text('{"name": "benchmark", "private": true, "type": "module"}\n')


def tuned_line(root: Path, number: int) -> int:
    """Return the number of the line of a module that a patch changes: a constant inside a function."""
    lines = (root / module_path(number)).read_text().splitlines()
    return next(index for index, line in enumerate(lines, start=1) if "const tuning" in line)


def _module(number: int, chance: random.Random) -> str:
    """Return a module that imports from up to four earlier ones, near it and anywhere."""
    near = range(max(0, number - 40), number)
    imported = sorted({*chance.sample(near, min(3, len(near))), *([chance.randrange(number)] if number else [])})
    parts = [f'import {{ make{one:04}, type Item{one:04} }} from "{_specifier(number, one)}";' for one in imported]
    fields = [f"  field{index}: {_type(chance)};" for index in range(chance.randint(3, 7))]
    parts += [
        f"\nexport interface Item{number:04} {{",
        "  id: string;\n  weight: number;\n  tags: readonly string[];",
        *fields,
        *(f"  link{one:04}?: Item{one:04};" for one in imported),
        "}\n",
        f"export type Patch{number:04} = Partial<Omit<Item{number:04}, 'id' | 'tags'>> & {{ readonly id: string }};\n",
        f"export interface Summary{number:04} {{",
        "  total: number;\n  sorted: { key: string; size: number; first: string }[];\n}\n",
        f"export function make{number:04}(id: string, weight = 1): Item{number:04} {{",
        f"  const tuning = {chance.randrange(1000)};",
        "  const base = { id, weight: weight * tuning, tags: [id, `w${weight}`] as const };",
        "  return { ...base, " + ", ".join(_value(line) for line in fields) + " };",
        "}\n",
    ]
    parts.append(_summary(number, imported, chance))
    parts += [_plain(number, index, chance) for index in range(chance.randint(1, 3))]
    return "\n".join(parts) + "\n"


def _summary(number: int, imported: list[int], chance: random.Random) -> str:
    """Return a function over many items, with the inference that such code asks for."""
    item = f"Item{number:04}"
    uses = [f"    total += make{one:04}(item.id, {chance.randrange(9)}).weight;" for one in imported]
    return "\n".join(
        [
            f"export function sum{number:04}(items: readonly {item}[], limit = 1): Summary{number:04} {{",
            f"  const groups = new Map<string, {{ item: {item}; rank: number }}[]>();",
            "  for (const [rank, item] of items.entries()) {",
            "    const key = item.tags.find((tag) => tag.startsWith('w')) ?? item.id.slice(0, limit);",
            "    groups.set(key, [...(groups.get(key) ?? []), { item, rank }]);",
            "  }",
            "  let total = 0;",
            "  for (const item of items.filter((one) => one.weight > limit)) {",
            *uses,
            "  }",
            "  const sorted = [...groups]",
            "    .map(([key, members]) => ({ key, size: members.length, first: members[0]?.item.id ?? '' }))",
            "    .sort((left, right) => right.size - left.size || left.key.localeCompare(right.key));",
            "  return { total, sorted };",
            "}\n",
        ]
    )


def _plain(number: int, index: int, chance: random.Random) -> str:
    """Return a function of the plain kind that most code is."""
    return "\n".join(
        [
            f"export function step{number:04}x{index}(item: Item{number:04}, text: string): string {{",
            f"  let weight = item.weight + {chance.randrange(100)};",
            "  for (let at = 0; at < text.length; at += 1) {",
            "    const code = text.charCodeAt(at);",
            "    if (code > 64 && code < 91) {",
            "      weight = (weight * 31 + code) % 65536;",
            "    } else if (item.tags.includes(text[at] ?? '')) {",
            "      weight -= 1;",
            "    }",
            "  }",
            f"  return weight > {chance.randrange(100)} ? `${{item.id}}-${{weight}}` : item.id.padStart(8, '0');",
            "}\n",
        ]
    )


def _type(chance: random.Random) -> str:
    return chance.choice(["string", "number", "boolean", "Date | null", "Record<string, number>", "[number, string]"])


def _value(line: str) -> str:
    name, _, kind = line.strip().rstrip(";").partition(": ")
    values = {
        "string": "id",
        "number": "weight",
        "boolean": "weight > 1",
        "Date | null": "null",
        "Record<string, number>": "{ [id]: weight }",
        "[number, string]": "[weight, id] as [number, string]",
    }
    return f"{name}: {values[kind]}"


def _specifier(number: int, imported: int) -> str:
    here, there = module_path(number).split("/"), module_path(imported).split("/")
    return "/".join([*([".."] * (len(here) - 2)), *there[1:]]).removesuffix(".ts")
