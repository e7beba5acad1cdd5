"""`migrate-staging standards`: check a tree against the house rules, and fix what has a safe fix."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.migration import StandardLevel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from repo_agent_dagster.migration.standards import Fixed, Rule
    from repo_agent_dagster.migration.standards.tree import Tree

EXIT_FINDINGS = 1
REQUESTER = "migrate-staging standards"


def add_to(app: typer.Typer) -> None:
    """Add the command to `migrate-staging`."""
    app.command("standards")(standards)


def standards(
    path: Annotated[Path, typer.Argument(help="A folder or a file.")] = Path(),
    rule: Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; repeatable.")] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="ID", help="Not this rule; repeatable.")
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", metavar="FILE", help="More rules or settings; repeatable.")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option("--root", help="What the rules' globs are relative to; default: the checkout that PATH is in."),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes, as one patch batch.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="With --fix: also fixes that may change what the program does.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: show the diff, write nothing.")] = False,
    fail_on: Annotated[
        StandardLevel, typer.Option("--fail-on", help="The least level of a finding that makes the exit code 1.")
    ] = "error",
    as_json: Annotated[bool, typer.Option("--json", help="Machine output.")] = False,
    list_rules: Annotated[bool, typer.Option("--list", help="List the rules.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="ID", help="Tell all about a rule, with its examples.")
    ] = None,
    test_rules: Annotated[bool, typer.Option("--test-rules", help="Try the rules' own good and bad examples.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of a rule file.")] = False,
) -> None:
    """Check a tree against the house standards; `--fix` repairs what is safe to repair.

    Example: `migrate-staging standards apps/storefront --fix --dry-run`

    Exit codes: 0 nothing of the --fail-on level · 1 findings of it, or an example of --test-rules that fails ·
    2 wrong input · 75 try again later.
    """
    from repo_agent_dagster.cli import standards_view as view
    from repo_agent_dagster.migration.standards import check, load_rules, rule_schema, select, try_examples

    if schema:
        view.show_schema(rule_schema())
        return
    _refuse_what_does_not_go_together(fix=fix, unsafe=unsafe_fixes, dry_run=dry_run)
    known = load_rules(rules or ())
    if explain is not None:
        view.show_rule(select(known, [explain])[0], as_json=as_json)
        return
    chosen = select(known, rule or None, ignore or ())
    if list_rules:
        view.show_rules(chosen, as_json=as_json)
        return
    if test_rules:
        failures = try_examples(chosen)
        view.show_examples(chosen, failures, as_json=as_json)
        raise typer.Exit(EXIT_FINDINGS if failures else 0)

    tree = _read(path, root, chosen)
    done: dict[str, Any] = {}
    files = tree.files
    if fix:
        fixed = _fixed(tree, chosen, unsafe=unsafe_fixes)
        files = {**files, **fixed.changes}
        batch_id = None if dry_run or not fixed.changes else _write(tree, fixed)
        done = {"fixed": fixed, "batch_id": batch_id, "diff": _diff(tree, fixed) if dry_run else ""}
    report = check(files, chosen, context=tree.context)
    view.show_report(report, tree, as_json=as_json, **done)
    if report.fails(fail_on):
        raise typer.Exit(EXIT_FINDINGS)


def _refuse_what_does_not_go_together(*, fix: bool, unsafe: bool, dry_run: bool) -> None:
    if not fix and (unsafe or dry_run):
        raise PermanentFault(f"{'--unsafe-fixes' if unsafe else '--dry-run'} is for --fix; a check writes nothing")


def _read(path: Path, root: Path | None, rules: "Sequence[Rule]") -> "Tree":
    from repo_agent_dagster.migration.standards.tree import read_tree, root_of

    path = path.expanduser()
    if not path.exists():
        raise PermanentFault(f"there is no {path}; name a folder or a file")
    home = root_of(path) if root is None else root.expanduser().resolve()
    if not home.is_dir() or not path.resolve().is_relative_to(home):
        raise PermanentFault(f"{path} is not inside the root {home}; give a --root that holds it")
    return read_tree(home, path, rules)


def _fixed(tree: "Tree", rules: "Sequence[Rule]", *, unsafe: bool) -> "Fixed":
    from repo_agent_dagster.migration.standards import fix

    return fix(tree.files, rules, context=tree.context, unsafe=unsafe)


def _diff(tree: "Tree", fixed: "Fixed") -> str:
    from repo_agent_dagster.migration.planning.diff import file_diff

    return "".join(
        file_diff(path, tree.files[path], new, old_executable=is_executable, new_executable=is_executable)
        for path, new in fixed.changes.items()
        for is_executable in [path in tree.executable]
    )


def _write(tree: "Tree", fixed: "Fixed") -> str:
    """Write the fixes through the patch journal, and return the id of their batch."""
    from hashlib import sha256

    from repo_agent_dagster.patching import FileChange, Workspace, write_files
    from repo_agent_dagster.settings import Settings
    from repo_agent_dagster.store.patch_events import StoreCustody
    from repo_agent_dagster.store.revision import open_upgraded

    changes = [
        FileChange(path, new, executable=path in tree.executable, expect_sha256=sha256(tree.files[path]).hexdigest())
        for path, new in fixed.changes.items()
    ]
    names = ", ".join(sorted({one.rule for one in fixed.applied}))
    batch = write_files(
        Workspace(tree.root),
        changes,
        order_id=None,
        requester=REQUESTER,
        reason=f"fix standards: {names}",
        phase=None,
        task_id=None,
        custody=StoreCustody(open_upgraded(Settings().store_url)),
        now=datetime.now(UTC),
    )
    return batch.batch_id
