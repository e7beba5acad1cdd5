"""A first manifest for a unit that has none: read from its files and from the target root, each choice explained.

What is certain is switched on; what is only likely is a comment that can be switched on. The draft always loads.
"""

from collections.abc import Iterable
from pathlib import Path

from repo_agent_dagster.contracts.migration import ImportRule
from repo_agent_dagster.migration.faults import UnitError
from repo_agent_dagster.migration.inventory.describing import configuration_texts, describe
from repo_agent_dagster.migration.inventory.model import UnitInventory
from repo_agent_dagster.migration.inventory.wording import versions_of
from repo_agent_dagster.migration.manifest.draft_checks import Check, draft_checks
from repo_agent_dagster.migration.manifest.draft_imports import DraftedImports, DraftedRule, Wanted, draft_imports
from repo_agent_dagster.migration.manifest.draft_notes import Note, import_notes, units_beside
from repo_agent_dagster.migration.manifest.draft_places import (
    Exclusion,
    Place,
    choose_exclusions,
    choose_place,
    files_rule,
    inner_roots,
    unit_name,
)
from repo_agent_dagster.migration.manifest.draft_target import TargetRoot
from repo_agent_dagster.migration.manifest.draft_yaml import comment, commented, flow, listed, quoted
from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.units.contents import UnitContents

_LOCAL_DATABASES = frozenset({"sqlite", "d1", "do-sqlite"})
_MOST_PACKAGES = 12
_NO_LIST = "To switch one of these on, take the [] away too."


def draft_manifest(contents: UnitContents, target_root: Path | None) -> str:
    """Return a manifest for the unit as YAML text with comments; the same unit and target root give the same text.

    Raises:
        UnitError: the unit holds no file.
        DestinationError: there is no such target root.
    """
    if not contents.files:
        raise UnitError(f"{contents.unit_path} holds no file that migrates; put the unit's files there first")
    inventory = describe(contents)
    texts = configuration_texts(contents)
    target = None if target_root is None else TargetRoot(target_root)
    name = unit_name(contents.unit_path.resolve().name)
    place = choose_place(inventory, name, target)
    exclusions = choose_exclusions(contents, inventory, target)
    excluded = frozenset(
        path for path in contents.by_path if any(one.sure and matches(one.glob, path) for one in exclusions)
    )
    imports = draft_imports(contents, inventory, target)
    sections = [
        _header(inventory, target),
        _places(name, place, inner_roots(contents)),
        _files(exclusions),
        [*_imports(imports, target), *_noted(import_notes(texts, inventory, target, place.folder))],
        _merge(texts),
        _checks(draft_checks(texts, inventory, excluded)),
        _refactor(inventory, target),
        _rest(name, units_beside(contents, imports)),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _header(inventory: UnitInventory, target: TargetRoot | None) -> list[str]:
    languages = ", ".join(f"{one.language} ({one.lines} lines)" for one in inventory.languages[:5])
    lines = comment(f"First manifest of {inventory.unit}, drafted from its {len(inventory.files)} files: {languages}.")
    if inventory.purpose:
        lines += comment(f"What it is: {inventory.purpose}")
    packages = [one for one in inventory.packages if one.status in {"used", "unused"}]
    if packages:
        told = ", ".join(f"{one.name} {versions_of(one)}" for one in packages[:_MOST_PACKAGES])
        more = f" and {len(packages) - _MOST_PACKAGES} more" if len(packages) > _MOST_PACKAGES else ""
        lines += comment(f"Packages it declares: {told}{more}.")
    lines += comment(
        "Lines that are switched off with '#' are alternatives. `migrate-staging schema` tells every field, "
        "`migrate-staging plan` shows what this manifest does and writes nothing."
    )
    if target is None:
        lines += comment("No target root was given: imports rules and workspaces could not be looked up (--into ROOT).")
    return lines


def _places(name: str, place: Place, sources: list[str]) -> list[str]:
    return [
        f"unit: {quoted(name)}",
        *comment("The whole folder moves. To leave its surroundings behind, name a folder inside of it."),
        "source: .",
        *(commented(f"source: {quoted(folder)}") for folder in sources),
        *comment(f"Chosen since {place.reason}"),
        f"destination: {quoted(place.folder)}",
        *(commented(f"destination: {quoted(folder)}") for folder in place.alternatives),
    ]


def _files(exclusions: list[Exclusion]) -> list[str]:
    rule = files_rule(exclusions)
    lines = comment("The first rule that matches a file decides. All files keep their places; a rule such as")
    lines += [commented('- {from: "lib/**/*", to: "src/lib"}'), *comment("before the last one would move a folder.")]
    for one in exclusions:
        told = "Left out" if one.sure else "Not left out; add it to exclude if it is built anew"
        lines += comment(f"{told}: {one.glob} ({_many(one.count, 'file')}), {one.reason}.")
    exclude = f", exclude: {listed(rule.exclude)}" if rule.exclude else ""
    return [*lines, "files:", f'  - {{from: "**/*", to: ""{exclude}}}']


def _imports(imports: DraftedImports, target: TargetRoot | None) -> list[str]:
    lines = comment(
        "Imports of files that move along are re-based by themselves. Rules are for the rest; the first that matches "
        "decides."
    )
    if not imports.rules and not imports.open:
        return [*lines, *comment("Nothing in the unit needs one."), "imports: []"]
    body: list[str] = []
    for drafted in imports.rules:
        body += comment(_why(drafted), 2)
        body.append(f"  - {_rule(drafted.rule)}")
    for wanted, candidates in imports.open:
        found = ", ".join(f"{one.specifier} ({one.file})" for one in candidates)
        nothing = "nothing there fits" if target is not None else "no target root given"
        reason = f"it may be {found}" if found else nothing
        body += comment(f"Open: {_told(wanted)}; {reason}.", 2)
        guess = candidates[0].specifier if candidates else "@shared/…"
        body.append(commented(f"- {flow(exact=wanted.specifier, to=guess)}", 2))
    if not imports.rules:
        lines += comment(_NO_LIST)
    return [*lines, "imports:" if imports.rules else "imports: []", *body]


def _why(drafted: DraftedRule) -> str:
    names = sorted({name for wanted in drafted.covers for name in wanted.names})
    taken = f"; it exports {', '.join(names[:8])}{' …' if len(names) > 8 else ''}" if names else ""
    told = ", ".join(_told(wanted) for wanted in drafted.covers[:3])
    more = f" and {len(drafted.covers) - 3} more" if len(drafted.covers) > 3 else ""
    return f"{told}{more}: here {', '.join(drafted.files[:3])}{taken}."


def _told(wanted: Wanted) -> str:
    return f"{wanted.specifier} ({wanted.place}{f' and {wanted.count - 1} more' if wanted.count > 1 else ''})"


def _rule(rule: ImportRule) -> str:
    field = next(name for name in ("exact", "prefix", "regex") if getattr(rule, name) is not None)
    pairs = {field: str(getattr(rule, field)), "to": rule.to}
    if rule.language is not None:
        pairs["language"] = rule.language
    return flow(**pairs)


def _noted(notes: Iterable[Note]) -> list[str]:
    lines: list[str] = []
    for note in notes:
        lines += comment(note.text)
        lines += [] if note.alternative is None else [commented(note.alternative)]
    return lines


def _merge(texts: Iterable[str]) -> list[str]:
    names = {path.rpartition("/")[2] for path in texts}
    globs = [f"**/{name}" for name in ("package.json", "tsconfig.json") if name in names]
    lines = comment(
        "When both the unit and people at the destination changed a file, it is merged by lines (three-way). Others: "
        "ours keeps the destination's, theirs takes the unit's, refuse stops, json-merge merges key by key."
    )
    if not globs:
        return [*lines, commented('merge: [{files: "**/*.json", by: json-merge}]')]
    return [*lines, "merge:", *(f"  - {{files: {quoted(glob)}, by: json-merge}}" for glob in globs)]


def _checks(checks: list[Check]) -> list[str]:
    lines = comment(
        "Run in a sandbox after the migration; one that fails takes the migration back. Without any, tsc runs where "
        "there is a tsconfig.json."
    )
    body = []
    for check in checks:
        line = f"- {{run: {quoted(check.run)}, in: {quoted(check.folder)}}}"
        if check.off is not None:
            body += [*comment(f"{check.reason} (switched off: {check.off})", 2), commented(line, 2)]
        else:
            body += [*comment(check.reason, 2), f"  {line}"]
    on = any(check.off is None for check in checks)
    if body and not on:
        lines += comment(_NO_LIST)
    return [*lines, "validate:" if on else "validate: []", *body]


def _refactor(inventory: UnitInventory, target: TargetRoot | None) -> list[str]:
    stores = sorted({one.kind for one in inventory.databases} & _LOCAL_DATABASES)
    if not stores:
        return []
    files = list(dict.fromkeys(path for one in inventory.databases if one.kind in stores for path in one.files))
    lines = comment(f"The unit keeps data of its own ({', '.join(stores)}: {', '.join(files[:5])}).")
    found = () if target is None else target.orchestrators
    if len(found) == 1:
        lines += comment(
            f"{found[0].folder} is the target's orchestrator: each SQL statement becomes a typed method of it. Remove "
            "these lines to keep the database in the unit."
        )
        return [*lines, "refactor:", f"  d1_to_rpc: {{orchestrator: {quoted(found[0].folder)}}}"]
    why = "has several orchestrators" if found else "has no orchestrator package with a wrangler file"
    lines += comment(f"The target root {why}; to move the data behind typed methods of one:")
    folder = found[0].folder if found else "packages/orchestrator"
    return [*lines, commented(f"refactor: {{d1_to_rpc: {{orchestrator: {quoted(folder)}}}}}")]


def _rest(name: str, beside: list[str]) -> list[str]:
    lines = comment("Which rules count: `migrate-staging standards --list`. fail_on may be error, warning or never.")
    lines.append(commented("standards: {fail_on: error, fix: true}"))
    if beside:
        lines += comment(
            f"Beside the unit stand folders that it imports from: {', '.join(beside)}. If they are units too:"
        )
        lines.append(commented(f"after: {listed(beside)}"))
    lines += comment("A person must approve the plan before it is written; absent, the settings decide.")
    lines.append(commented("approval: true"))
    lines += comment("The delivery that the patches count towards.")
    lines.append(commented(f"order: {{id: {quoted(f'staging-{name}')}, phase: migration}}"))
    lines += comment("A failed check takes everything back; `keep` would leave it for people to mend.")
    return [*lines, "on_failure: rollback"]


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
