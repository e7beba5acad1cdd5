"""Where a batch is checked, and checks by real tools in real sandboxes."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from sqlalchemy import Engine

from repo_agent_dagster.contracts.faults import TransientFault
from repo_agent_dagster.contracts.patches import Check, CommandCheck, PatchBatch
from repo_agent_dagster.contracts.workspaces import RegisteredWorkspace
from repo_agent_dagster.patching import (
    CheckFailed,
    CheckUnusable,
    CheckWithoutVerdict,
    Workspace,
    apply_batch,
)
from repo_agent_dagster.pathways.patch_checks.workspace_checks import (
    CheckLimits,
    check_limits,
    checker_for,
    sandbox_checker,
)
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store.patch_events import StoreCustody
from tests.docker_fixtures import docker_client, sandbox_image  # noqa: F401 - pytest finds fixtures by their import
from tests.patching.trees import fill, snapshot

# Without the browser's and Node.js's types, which take the compiler ten times as long as these files do.
QUICK = b'"strict": true, "lib": ["es2022"], "types": []'
TSCONFIG = b'{"compilerOptions": {%s, "module": "nodenext", "target": "es2022"}, "include": ["src"]}' % QUICK


def command(*words: str) -> CommandCheck:
    return CommandCheck(command=list(words))


def shell(script: str) -> CommandCheck:
    return command("sh", "-c", script)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


class TestWhere:
    """Nothing is run here: where a check would run shows in what its verdicts depend on."""

    def where(self, check: Check | None, own: Check | None, *, known: bool, **named: Any) -> str | None:
        now = datetime.now().astimezone()
        registered = RegisteredWorkspace("id", "w", Path("/w"), own, known, now, now) if own or known else None
        batch = PatchBatch.model_validate({"patches": [{"op": "delete-file", "file": "f"}], "check": check})
        checker = checker_for(Path("/w"), batch, CheckLimits(), registered=registered, **named)
        if checker is None:
            return None
        return f"{checker.name} {checker._identity(Path('/w')).split()[0]}"  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("check", "own", "known", "named", "expected"),
        [
            # Nobody asks for a check.
            (None, None, False, {}, None),
            (None, None, True, {}, None),
            (None, None, False, {"trusted": True}, None),
            # The workspace's own: on the host if the registry trusts it, or a person does.
            (None, "tsc", False, {}, "tsc sandbox"),
            (None, "tsc", True, {}, "tsc host"),
            ("tsc", "tsc", True, {}, "tsc host"),
            (None, "tsc", False, {"trusted": True}, "tsc host"),
            # What a batch brings: in a sandbox, whoever is trusted.
            ("python", None, False, {}, "python sandbox"),
            ("python", "tsc", True, {}, "python sandbox"),
            (command("rm", "-rf", "/"), "tsc", True, {}, "rm -rf / sandbox"),
            (command("rm", "-rf", "/"), None, False, {"trusted": True}, "rm -rf / sandbox"),
            (command("rm", "-rf", "/"), "tsc", True, {"trusted": True}, "rm -rf / sandbox"),
            # What a person types wins over the batch; on the host only if he says so.
            (command("rm", "-rf", "/"), None, False, {"typed": "node"}, "node sandbox"),
            (command("rm", "-rf", "/"), None, False, {"typed": "node", "trusted": True}, "node host"),
            (None, "tsc", True, {"typed": command("make")}, "make sandbox"),
            (None, "tsc", True, {"typed": "tsc"}, "tsc host"),
        ],
    )
    def test_only_what_the_registry_or_a_person_trusts_runs_on_the_host(
        self, check: Check | None, own: Check | None, known: bool, named: dict[str, Any], expected: str | None
    ) -> None:
        assert self.where(check, own, known=known, **named) == expected

    def test_the_limits_come_from_the_settings(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path, check_timeout_seconds=7, check_memory_mb=100, check_copy_mb=3)
        limits = check_limits(settings)
        assert (limits.timeout_seconds, limits.memory_mb, limits.copy_mb) == (7, 100, 3)
        assert limits.deadline_seconds > 2 * limits.timeout_seconds
        assert limits.owner != str(settings.home)


def test_without_an_engine_nothing_is_written_and_the_fault_is_transient(
    root: Path, sqlite_store: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repo_agent_dagster.sandbox import docker_engine

    monkeypatch.setenv("DOCKER_HOST", f"unix://{root.parent}/none.sock")
    docker_engine._engine_of.cache_clear()
    fill(root, {"f.py": b"a = 1\n"})
    before = snapshot(root)
    batch = PatchBatch.model_validate({"patches": [{"op": "append", "file": "f.py", "block": "b"}], "check": "python"})
    checker = checker_for(root, batch, CheckLimits())
    try:
        with pytest.raises(TransientFault, match="needs a sandbox, and there is none"):
            apply_batch(Workspace(root), batch, custody=StoreCustody(sqlite_store), now=now, checker=checker)
    finally:
        docker_engine._engine_of.cache_clear()
    assert snapshot(root) == before


@pytest.mark.docker
class TestSandboxed:
    @pytest.fixture
    def limits(self, sandbox_image: str) -> CheckLimits:  # noqa: F811 - the fixture, not a redefinition
        return CheckLimits(image=sandbox_image, owner="test-checks", timeout_seconds=120)

    @pytest.fixture(autouse=True)
    def _leaves_no_sandbox(self, docker_client: docker.DockerClient) -> Iterator[None]:  # noqa: F811 - likewise
        yield
        left = docker_client.containers.list(all=True, filters={"label": "repo-agent.owner=test-checks"})
        assert left == []

    def found(self, root: Path, check: Check, limits: CheckLimits, **named: Any) -> list[tuple[str, int, str]]:
        checker = sandbox_checker(check, limits)
        try:
            return sorted((one.file, one.line, one.code) for one in checker.check(root, **named))
        finally:
            checker.close()

    def test_tsc_finds_type_errors_before_and_after_and_names_the_patch(
        self, root: Path, limits: CheckLimits, sqlite_store: Engine, now: datetime
    ) -> None:
        fill(
            root,
            {
                "tsconfig.json": TSCONFIG.replace(b'"types": []', b'"types": ["node"], "skipLibCheck": true'),
                "src/a.ts": b"export const a: number = 1;\nexport const old: string = a;\n",
                "src/b.ts": b'import { a } from "./a.js";\nexport const b: number = a;\n',
            },
        )
        custody = StoreCustody(sqlite_store)

        def apply(*patches: dict[str, Any]) -> None:
            batch = PatchBatch.model_validate({"patches": patches, "check": "tsc"})
            checker = checker_for(root, batch, limits)
            apply_batch(Workspace(root), batch, custody=custody, now=now, checker=checker)

        apply(
            {"op": "prepend", "file": "src/a.ts", "block": "// the old error moves down"},
            {"op": "create-file", "file": "src/node.ts", "content": 'import "node:fs";\n'},
        )
        assert (root / ".mission_control/checks").glob("*.tsbuildinfo")
        before = snapshot(root)
        with pytest.raises(CheckFailed, match=r"src/b\.ts:2: TS2322.*\n.*patches\[1\] \(replace-block on src/a\.ts"):
            apply(
                {"op": "append", "file": "src/b.ts", "block": "export const fine = b + 1;"},
                {"op": "replace-block", "file": "src/a.ts", "start": 2, "end": 2, "block": 'export const a = "1";'},
                {"op": "append", "file": "src/b.ts", "block": "export const finer = b + 2;"},
            )
        assert snapshot(root) == before

    def test_tsc_takes_the_workspaces_own_compiler_and_packages(self, root: Path, limits: CheckLimits) -> None:
        fill(
            root,
            {
                "tsconfig.json": TSCONFIG,
                "src/a.ts": b'import { p } from "p";\nconst s: string = p;\nexport { s };\n',
                "node_modules/p/package.json": b'{"name": "p", "types": "index.d.ts"}',
                "node_modules/p/index.d.ts": b"export declare const p: number;\n",
                "node_modules/p/index.js": b"never copied",
            },
        )
        assert self.found(root, "tsc", limits) == [("src/a.ts", 2, "TS2322")]
        tsc = b"#!/usr/bin/env node\nconsole.log('src/a.ts(1,1): error TS1: own');\n"
        fill(root, {"node_modules/typescript/bin/tsc": tsc})
        (root / "node_modules/typescript/bin/tsc").chmod(0o755)
        (root / "node_modules/.bin").mkdir()
        (root / "node_modules/.bin/tsc").symlink_to("../typescript/bin/tsc")
        assert self.found(root, "tsc", limits) == [("src/a.ts", 1, "TS1")]

    def test_tsc_follows_the_references_of_a_solution(self, root: Path, limits: CheckLimits) -> None:
        fill(
            root,
            {
                "tsconfig.json": b'{"files": [], // none\n "references": [{"path": "./app"}, {"path": "lib"}],}',
                "app/tsconfig.json": b'{"compilerOptions": {%s}, "include": ["*.ts"]}' % QUICK,
                "app/a.ts": b"const a: string = 1;\n",
                "lib/tsconfig.json": b'{"compilerOptions": {%s}, "include": ["*.ts"]}' % QUICK,
                "lib/l.ts": b"const l: number = '1';\n",
            },
        )
        assert self.found(root, "tsc", limits) == [("app/a.ts", 1, "TS2322"), ("lib/l.ts", 1, "TS2322")]

    def test_tsc_finds_by_what_it_kept_what_a_cold_run_finds(self, root: Path, limits: CheckLimits) -> None:
        # What c says of its type comes from a, through b: a change of one line has to be followed that far.
        files = {
            "a.ts": "export function made() { return { size: 1 }; }\n",
            "b.ts": 'import { made } from "./a.js";\nexport const held = { inner: made() };\n',
            "c.ts": 'import { held } from "./b.js";\nexport const size: number = held.inner.size;\n',
            "d.ts": "export const alone: string = 'd';\n",
        }
        fill(root, {"tsconfig.json": TSCONFIG, **{f"src/{name}": text.encode() for name, text in files.items()}})
        states = [
            {"a.ts": files["a.ts"].replace("size: 1", "size: '1'")},
            {"d.ts": files["d.ts"].replace("'d'", "4")},
            {"a.ts": files["a.ts"]},
            {"b.ts": files["b.ts"].replace("made()", "made")},
        ]
        expected = [{"src/c.ts"}, {"src/c.ts", "src/d.ts"}, {"src/d.ts"}, {"src/c.ts", "src/d.ts"}]
        assert self.found(root, "tsc", limits) == []
        for state, files_with_errors in zip(states, expected, strict=True):
            fill(root, {f"src/{name}": text.encode() for name, text in state.items()})
            kept = self.found(root, "tsc", limits)
            shutil.rmtree(root / ".mission_control")
            assert kept == self.found(root, "tsc", limits)
            assert {file for file, _, _ in kept} == files_with_errors

    def test_a_workspace_without_a_project_cannot_be_checked(self, root: Path, limits: CheckLimits) -> None:
        fill(root, {"a.ts": b""})
        with pytest.raises(CheckUnusable, match=r"no tsconfig\.json"):
            self.found(root, "tsc", limits)

    def test_a_project_that_needs_others_built_cannot_be_checked(self, root: Path, limits: CheckLimits) -> None:
        composite = b'{"compilerOptions": {"composite": true, "outDir": "out", %s}, "include": ["*.ts"]%%s}' % QUICK
        fill(
            root,
            {
                "tsconfig.json": composite % b', "references": [{"path": "lib"}]',
                "a.ts": b'import { l } from "./lib/l";\nexport const a: string = l;\n',
                "lib/tsconfig.json": composite % b"",
                "lib/l.ts": b"export const l = 1;\n",
            },
        )
        with pytest.raises(CheckUnusable, match="npx tsc -b"):
            self.found(root, "tsc", limits)

    def test_python_is_compiled_linted_and_typed(self, root: Path, limits: CheckLimits) -> None:
        fill(
            root,
            {
                "bad.py": b"x = (\n",
                "unused.py": b"import os\n",
                "typed.py": b"def f() -> str:\n    return 1\n",
                "pyproject.toml": b'[tool.mypy]\nfiles = ["typed.py"]\n',
            },
        )
        before = snapshot(root)
        assert self.found(root, "python", limits) == [
            ("bad.py", 1, "syntax"),
            ("typed.py", 2, "return-value"),
            ("unused.py", 1, "F401"),
        ]
        assert snapshot(root) == before

    def test_node_checks_the_changed_files_alone(self, root: Path, limits: CheckLimits) -> None:
        bad = b"const a = 1;\nfoo(;\n"
        files = {"a.js": bad, "b.mjs": b"export const b = 1;\n", "c.cjs": bad, "not.js": bad, "d.txt": bad}
        fill(root, files)
        changed = ["a.js", "b.mjs", "c.cjs", "d.txt", "gone.js"]
        assert self.found(root, "node", limits, changed=changed) == [
            ("a.js", 2, "SyntaxError"),
            ("c.cjs", 2, "SyntaxError"),
        ]
        assert self.found(root, "node", limits, changed=["d.txt"]) == []

    def test_a_command_sees_the_files_afresh_each_time(self, root: Path, limits: CheckLimits) -> None:
        fill(root, {"a": b"one\n", "run.sh": b"#!/bin/sh\ncat a b; echo dirt >> a; touch b; exit 1"})
        (root / "run.sh").chmod(0o755)
        checker = sandbox_checker(command("./run.sh"), limits)
        try:
            said = [checker.check(root, overlay)[0].message for overlay in ({}, {"a": b"two\n"}, {"b": b"three\n"})]
        finally:
            checker.close()
        missing = "cat: b: No such file or directory"
        assert said == [f"exit code 1: one\n{missing}", f"exit code 1: two\n{missing}", "exit code 1: one\nthree"]
        assert snapshot(root)["a"] == (b"one\n", 0o644)

    def test_a_command_has_no_network_and_no_privileges(self, root: Path, limits: CheckLimits) -> None:
        fill(root, {"f": b""})
        script = "id -u; ls /sys/class/net; touch /usr/x 2>/dev/null || echo read-only; exit 1"
        checker = sandbox_checker(shell(script), limits)
        (finding,) = checker.check(root)
        checker.close()
        assert finding.message == "exit code 1: 1000\nlo\nread-only"

    @pytest.mark.parametrize(
        ("script", "fault", "message"),
        [
            ("sleep 60", CheckWithoutVerdict, r"did not end within 1 s \(REPO_AGENT_CHECK_TIMEOUT_SECONDS\)"),
            ("exec there-is-none", CheckUnusable, "cannot be run"),
            ("kill -9 $$", CheckWithoutVerdict, "REPO_AGENT_CHECK_MEMORY_MB"),
        ],
    )
    def test_a_command_that_does_not_end_well_by_itself_has_no_verdict(
        self, root: Path, limits: CheckLimits, script: str, fault: type[Exception], message: str
    ) -> None:
        fill(root, {"f": b""})
        with pytest.raises(fault, match=message):
            self.found(root, shell(script), replace(limits, timeout_seconds=1))

    def test_a_program_that_the_image_lacks_is_told(self, root: Path, limits: CheckLimits) -> None:
        with pytest.raises(CheckUnusable, match="its image lacks it"):
            self.found(root, command("there-is-none"), limits)

    def test_more_files_than_a_sandbox_takes_are_told_with_the_largest_folder(
        self, root: Path, limits: CheckLimits
    ) -> None:
        fill(root, {"data/big": bytes(3 << 20), "f": b""})
        with pytest.raises(CheckUnusable, match=r"are 3 MiB, a sandbox takes 1 .*the largest: data \(3 MiB\)"):
            self.found(root, shell("true"), replace(limits, copy_mb=1))

    def test_files_with_odd_names_arrive(self, root: Path, limits: CheckLimits) -> None:
        fill(root, dict.fromkeys(["a b", "-rf", "ünï", "$(x)", "deep/er/f"], b"1"))
        (root / "link").symlink_to("deep")
        checker = sandbox_checker(shell("find . -not -type d | sort; exit 1"), limits)
        (finding,) = checker.check(root)
        checker.close()
        assert finding.message == "exit code 1: ./$(x)\n./-rf\n./a b\n./deep/er/f\n./link\n./ünï"

    def test_removed_files_go_from_a_copy_that_is_used_again(self, root: Path, limits: CheckLimits) -> None:
        fill(root, {"-rf.py": b"(", "a b.py": b"(", "ü.py": b"(", "keep.py": b"a = 1\n"})
        checker = sandbox_checker("python", limits)
        try:
            assert {one.file for one in checker.check(root)} == {"-rf.py", "a b.py", "ü.py"}
            assert checker.check(root, {"-rf.py": None, "a b.py": None, "ü.py": b""}) == []
        finally:
            checker.close()
