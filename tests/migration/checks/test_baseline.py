"""What a unit came with does not count: it may leave with its old errors, not with a new one."""

from collections.abc import Iterator

import pytest

from repo_agent_dagster.migration import CheckReport, load_manifest
from repo_agent_dagster.migration.checks import validate
from repo_agent_dagster.migration.checks.diagnostics import new_findings
from repo_agent_dagster.migration.checks.report import CheckFinding
from repo_agent_dagster.sandbox.sandbox import Sandbox
from repo_agent_dagster.sandbox.spec import SandboxSpec
from tests.migration.conftest import Bench, write_tree

# Without the browser's and Node.js's types, which take the compiler ten times as long as these files do.
TSCONFIG = (
    '{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "bundler", "lib": ["es2022"],'
    ' "types": []}}'
)
WRONG = "export const {name}: number = 'text';\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.open(SandboxSpec(task_id="test-baseline", network="none", deadline_seconds=300)) as sandbox:
        yield sandbox


def check(box: Sandbox, bench: Bench, *, spoil: str = "") -> CheckReport:
    """Lay the planned tree out, change it if asked, and validate it."""
    planned = bench.plan()
    write_tree(bench.target, {change.path: change.new for change in planned.touching if change.new is not None})
    if spoil:
        write_tree(bench.target, {spoil: WRONG.format(name="spoilt")})
    manifest = load_manifest(bench.unit)
    return validate(box, bench.target, manifest=manifest, unit_path=bench.unit, moved=planned.moved)


@pytest.mark.docker
def test_a_unit_that_came_with_errors_may_leave_with_them(box: Sandbox, bench: Bench) -> None:
    files = {f"src/w{number}.ts": WRONG.format(name=f"w{number}") for number in range(11)}
    bench.put({"tsconfig.json": TSCONFIG, **files}, manifest="files: [{from: 'src/*', to: lib}, {from: '**/*'}]\n")

    report = check(box, bench)

    assert (report.outcome, report.known) == ("passed", 11)
    assert "came with 11 errors" in report.message


@pytest.mark.docker
def test_a_new_error_fails_beside_old_ones(box: Sandbox, bench: Bench) -> None:
    bench.put({"tsconfig.json": TSCONFIG, "a.ts": WRONG.format(name="a"), "b.ts": "export const b = 1;\n"})

    report = check(box, bench, spoil="apps/app/b.ts")

    assert [(finding.file, finding.code) for finding in report.findings] == [("apps/app/b.ts", "TS2322")]
    assert report.known == 1
    assert not report.ok


@pytest.mark.docker
def test_errors_of_other_packages_are_told_and_do_not_count(box: Sandbox, bench: Bench) -> None:
    write_tree(bench.target, {"packages/shared/x.ts": WRONG.format(name="x")})
    bench.put(
        {"tsconfig.json": TSCONFIG, "a.ts": "import { x } from '../x';\nexport const a = [x, y];\n"},
        manifest="imports: [{exact: '../x', to: '../../packages/shared/x'}]\n",
    )

    report = check(box, bench)

    assert report.ok
    assert report.notes == ("1 errors are in files of other packages, and do not count here",)


@pytest.mark.docker
def test_an_import_that_a_rule_leads_nowhere_is_a_new_error_though_it_was_unknown_before(
    box: Sandbox, bench: Bench
) -> None:
    bench.put(
        {
            "tsconfig.json": TSCONFIG,
            "a.ts": "import { x } from '@old/x';\nimport { y } from 'never-there';\nexport const a = [x, y];\n",
        },
        manifest="imports: [{prefix: '@old/', to: '@new/'}]\n",
    )

    report = check(box, bench)

    assert [(finding.line, finding.code) for finding in report.findings] == [(1, "TS2307")]
    assert report.known == 1


@pytest.mark.docker
def test_packages_below_the_destination_are_projects_of_their_own(box: Sandbox, bench: Bench) -> None:
    bench.put({"packages/a/package.json": "{}", "packages/a/tsconfig.json": TSCONFIG, "packages/a/x.ts": "export {};"})

    report = check(box, bench, spoil="apps/app/packages/a/x.ts")

    assert [finding.file for finding in report.findings] == ["apps/app/packages/a/x.ts"]


@pytest.mark.docker
def test_commands_run_in_their_packages(box: Sandbox, bench: Bench) -> None:
    bench.put({"packages/a/only-here.txt": ""}, manifest="validate: [{run: 'test -e only-here.txt', in: packages/a}]\n")

    assert check(box, bench).outcome == "passed"


@pytest.mark.docker
def test_files_too_large_for_a_sandbox_are_said_to_be_left_out(box: Sandbox, bench: Bench) -> None:
    bench.put({"a.txt": "a"}, manifest="validate: ['true']\n")
    large = bench.target / "model.bin"
    with large.open("wb") as file:
        file.truncate(21_000_000)

    assert check(box, bench).notes == ("model.bin is too large to go into the sandbox",)


def finding(file: str, message: str, line: int = 1) -> CheckFinding:
    return CheckFinding(file, line, "TS2322", message)


def test_equal_findings_are_counted_and_lines_do_not_matter() -> None:
    before = [finding("a.ts", "wrong", 3)]
    after = [finding("lib/a.ts", "wrong", 9), finding("lib/a.ts", "wrong", 12)]

    assert new_findings(before, after, {"a.ts": "lib/a.ts"}) == (after[1],)


def test_the_file_of_a_type_in_a_message_does_not_make_a_finding_new() -> None:
    before = [finding("a.ts", "Type 'import(\"/before/x\").X' is wrong")]

    assert new_findings(before, [finding("a.ts", "Type 'import(\"/tree/apps/x\").X' is wrong")], {}) == ()
    assert new_findings(before, [finding("a.ts", "Type 'import(\"/tree/apps/x\").Y' is wrong")], {}) != ()
