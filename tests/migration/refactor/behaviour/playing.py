"""Plays calls to a worker in the sandbox: before the refactoring on its own database, after it over the orchestrator.

The worker runs in node as it stands in its tree (`hooks.mjs` resolves and strips it), over shims of its runtime
(`shims/`): `bun:sqlite`, D1, Durable Objects and service bindings, all on node's own SQLite in memory.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repo_agent_dagster.sandbox.sandbox import Sandbox

HERE = Path(__file__).parent
STAGE = "/workspace/stage"
HARNESS = "/workspace/harness"
_TOLD_BY_API = re.compile(r"^(?:D1_ERROR: )?(?P<what>.*?)(?:: SQLITE_\w+)?$", re.DOTALL)


@dataclass(frozen=True)
class Played:
    """What one sequence of calls gave: an answer for each call, and the rows of every table at the end."""

    seed: int
    answers: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Wrangler:
    """What a worker's wrangler file says of its bindings."""

    main: str
    d1: Mapping[str, str]
    objects: Mapping[str, str]
    services: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Production:
    """A worker to play: its tree, its folder in it, and the calls (a module of `calls/`).

    Before the refactoring it has its own databases and no services; after it, the other way round, unless it
    `keeps_local` ones because some of its statements were left for a person.
    """

    tree: Mapping[str, bytes]
    worker: str
    calls: str
    seeds: tuple[int, ...]
    refactored: bool
    keeps_local: bool = False

    @property
    def has_local(self) -> bool:
        """Whether the worker may use databases of its own."""
        return self.keeps_local or not self.refactored


class Stage:
    """A sandbox with the harness in it."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        harness = {
            path.relative_to(HERE).as_posix(): path.read_bytes()
            for path in HERE.rglob("*")
            if path.suffix in {".ts", ".mjs"} and "samples" not in path.parts
        }
        box.put(harness, HARNESS)

    def play(self, *productions: Production) -> list[list[Played] | str]:
        """Play each production once for each of its seeds; one that does not load or breaks off is told as a text."""
        files: dict[str, bytes] = {}
        parts = []
        for number, production in enumerate(productions):
            files |= {f"{number}/{path}": content for path, content in production.tree.items()}
            parts.append(_part(production, f"{STAGE}/{number}"))
        self._put({**files, "parts.json": json.dumps(parts).encode()})
        self.node("play.ts", f"{STAGE}/parts.json", f"{STAGE}/played.json")
        return [
            each["failed"]
            if "failed" in each
            else [
                Played(run["seed"], [_plain(a) for a in run["answers"]], _tables(run["tables"])) for run in each["runs"]
            ]
            for each in json.loads(self._box.get(f"{STAGE}/played.json"))
        ]

    def node(self, script: str, *arguments: str) -> str:
        """Run a script of the harness and return what it prints."""
        result = self._box.exec(
            ["node", "--no-warnings", "--import", "./hooks.mjs", script, *arguments],
            cwd=HARNESS,
            env={"WORKER_TREE": STAGE},
            timeout_seconds=120,
        )
        assert result.ok, result.output
        return result.stdout

    def type_check(self, *trees: Mapping[str, bytes], packages: Sequence[str]) -> list[list[str]]:
        """Return for each tree what ``tsc --noEmit --strict`` says of those of the packages that it has."""
        self._put({f"{number}/{path}": content for number, tree in enumerate(trees) for path, content in tree.items()})
        folders = [
            f"{STAGE}/{number}/{package}"
            for number, tree in enumerate(trees)
            for package in packages
            if f"{package}/tsconfig.json" in tree
        ]
        told = json.loads(self.node("type_check.mjs", *folders))
        found: list[list[str]] = [[] for _ in trees]
        for folder, diagnostics in told.items():
            number = folder.removeprefix(f"{STAGE}/").partition("/")[0]
            found[int(number)] += [diagnostic.replace(f"{STAGE}/{number}/", "") for diagnostic in diagnostics]
        return found

    def run(self, tree: Mapping[str, bytes], command: str, *, cwd: str = ".") -> str:
        """Return what a command writes that fails in a folder of the tree; nothing, where it succeeds."""
        self._put(tree)
        result = self._box.exec(command, cwd=posixpath.join(STAGE, cwd), timeout_seconds=120)
        return "" if result.ok else result.output or f"exit code {result.exit_code}"

    def _put(self, tree: Mapping[str, bytes]) -> None:
        self._box.exec(["rm", "-rf", STAGE])
        self._box.put(tree, STAGE)


def read_wrangler(tree: Mapping[str, bytes], folder: str) -> Wrangler:
    """Return the bindings of the worker in a folder of the tree, from its wrangler.toml, .json or .jsonc."""
    said = _wrangler_file(tree, folder)
    return Wrangler(
        main=said["main"],
        d1={each["binding"]: each.get("migrations_dir", "migrations") for each in said.get("d1_databases", ())},
        objects={each["name"]: each["class_name"] for each in said.get("durable_objects", {}).get("bindings", ())},
        services={
            each["binding"]: (each["service"], each.get("entrypoint", "default")) for each in said.get("services", ())
        },
    )


def _wrangler_file(tree: Mapping[str, bytes], folder: str) -> dict[str, Any]:
    if (toml := tree.get(f"{folder}/wrangler.toml")) is not None:
        return tomllib.loads(toml.decode())
    text = next(tree[path] for name in ("wrangler.jsonc", "wrangler.json") if (path := f"{folder}/{name}") in tree)
    # Strings first, so that `//` in an address is no comment.
    bare = re.sub(
        r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match[1] or "", text.decode(), flags=re.DOTALL
    )
    said: dict[str, Any] = json.loads(re.sub(r",(\s*[}\]])", r"\1", bare))
    return said


def _part(production: Production, root: str) -> dict[str, Any]:
    tree, worker = production.tree, f"{root}/{production.worker}"
    wrangler = read_wrangler(tree, production.worker)
    d1 = [
        {"binding": binding, "migrations": posixpath.join(worker, migrations)}
        for binding, migrations in wrangler.d1.items()
        if production.has_local
    ]
    return {
        "hasLocal": production.has_local,
        "main": posixpath.join(worker, wrangler.main),
        "calls": f"{HARNESS}/calls/{production.calls}.ts",
        "seeds": list(production.seeds),
        "d1": d1[0] if d1 else None,
        "objects": wrangler.objects,
        "services": _services(tree, wrangler, root) if production.refactored else {},
    }


def _services(tree: Mapping[str, bytes], wrangler: Wrangler, root: str) -> dict[str, dict[str, str]]:
    """Return each service with the package that deploys it: the one whose wrangler file has that name."""
    folders = {
        _wrangler_file(tree, folder)["name"]: folder
        for path in tree
        if posixpath.basename(path).startswith("wrangler.") and (folder := posixpath.dirname(path))
    }
    services = {}
    for binding, (service, entrypoint) in wrangler.services.items():
        folder = folders[service]
        theirs = read_wrangler(tree, folder)
        ((database, migrations),) = theirs.d1.items()
        services[binding] = {
            "main": posixpath.join(root, folder, theirs.main),
            "entrypoint": entrypoint,
            "database": database,
            "migrations": posixpath.join(root, folder, migrations),
        }
    return services


def _played(run: Mapping[str, Any]) -> Played:
    return Played(run["seed"], [_plain(answer) for answer in run["answers"]], _tables(run["tables"]))


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer with an error's message as SQLite words it: each API wraps it in words of its own."""
    if "threw" not in answer:
        return dict(answer)
    match = _TOLD_BY_API.match(answer["threw"])
    assert match is not None
    return {**answer, "threw": match["what"]}


def _tables(databases: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of all databases as one; Durable Objects have a database each, under their namespace."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, content in databases.items():
        if isinstance(content, list):
            assert name not in tables, f"two databases have a table {name}"
            tables[name] = content
        else:
            tables |= _tables(content)
    return tables
