"""What a unit brings to the target root, version by version: copied and rewritten, held to standards, refactored.

All in memory and a function of the unit, the manifest and the packages that a refactoring changes: the same input gives
the same bytes, so that the whole of it can be shown before it happens and be merged with what people did since.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repo_agent_dagster.contracts.migration import Manifest, MergeMethod
from repo_agent_dagster.migration.faults import ManifestError
from repo_agent_dagster.migration.manifest.globs import matches
from repo_agent_dagster.migration.planning.deciding import Layer
from repo_agent_dagster.migration.planning.destination import Destination
from repo_agent_dagster.migration.planning.placement import Placement
from repo_agent_dagster.migration.rewriting.file import Rewrite, Unresolved
from repo_agent_dagster.migration.rewriting.replacements import Replacement, Replacements
from repo_agent_dagster.migration.rewriting.residual import Residual, residual_scan
from repo_agent_dagster.migration.rewriting.resolve import Relocation
from repo_agent_dagster.migration.rewriting.specifiers import SpecifierReader
from repo_agent_dagster.migration.rewriting.unit import rewrite_unit
from repo_agent_dagster.migration.units.contents import UnitContents

if TYPE_CHECKING:
    from repo_agent_dagster.migration.refactor import Refactoring
    from repo_agent_dagster.migration.standards import Rule


_TYPES = ("types", "typings", "@types")
"""Folders of the target root whose declarations hold for all of its packages."""
_TYPED = (".ts", ".tsx", ".mts", ".cts", ".json", ".jsonc")
"""What tells the types of the packages beside the orchestrator."""


@dataclass(frozen=True)
class Brought:
    """The versions of each file by its path under the target root, where it comes from, and what was noticed.

    `elsewhere` are files outside of the unit's that a refactoring changes: the orchestrator's. `generated` names the
    files there that are the unit's own, whether they change or not.
    """

    layers: Mapping[str, tuple[Layer, ...]]
    sources: Mapping[str, str]
    elsewhere: Mapping[str, bytes]
    generated: tuple[str, ...]
    rewrites: tuple[Rewrite, ...]
    replacements: tuple[Replacement, ...]
    unresolved: tuple[Unresolved, ...]
    residual: tuple[Residual, ...]
    dead_rules: tuple[str, ...]
    refactoring: "Refactoring | None"


@dataclass(frozen=True)
class _Copied:
    files: Mapping[str, bytes]
    rewrites: tuple[Rewrite, ...]
    replacements: tuple[Replacement, ...]
    unresolved: tuple[Unresolved, ...]
    dead_rules: tuple[str, ...]


def bring(
    contents: UnitContents, manifest: Manifest, placement: Placement, destination: Destination, reader: SpecifierReader
) -> Brought:
    """Return what the unit brings."""
    copied = _copy(contents, manifest, placement, destination, reader)
    executable = {path: placement.executable[source] for source, path in placement.moved.items()}
    sources = {path: source for source, path in placement.moved.items()}
    layers = {path: [Layer("copy", content, executable[path])] for path, content in copied.files.items()}
    final: dict[str, bytes] = dict(copied.files)
    for path, fixed in _fixed(final, manifest, contents.unit_path, destination.root).items():
        layers[path].append(Layer("standards", fixed, executable[path]))
        final[path] = fixed
    refactoring = _refactored(final, manifest, destination)
    elsewhere: Mapping[str, bytes] = {}
    if refactoring is not None:
        elsewhere = refactoring.orchestrator
        for path, changed in refactoring.worker.items():
            layers.setdefault(path, []).append(Layer("refactor", changed, executable.get(path, False)))
            sources.setdefault(path, "(refactor)")
            if changed is None:
                final.pop(path, None)
            else:
                final[path] = changed
    return Brought(
        layers={path: tuple(versions) for path, versions in layers.items()},
        sources=sources,
        elsewhere=elsewhere,
        generated=() if refactoring is None else refactoring.generated,
        rewrites=copied.rewrites,
        replacements=copied.replacements,
        unresolved=copied.unresolved,
        residual=residual_scan(final, placement.moved, manifest, stands=destination.holds_file),
        dead_rules=copied.dead_rules,
        refactoring=refactoring,
    )


def merge_method(manifest: Manifest, path: str) -> MergeMethod:
    """Return how the manifest wants a file merged, by its path under the target root."""
    inside = path if manifest.destination == "." else path.removeprefix(manifest.destination + "/")
    return next((rule.by for rule in manifest.merge if matches(rule.files, inside)), "three-way")


def standards_files(manifest: Manifest, unit_path: Path, target_root: Path) -> list[Path]:
    """Return the files with the manifest's own standards: of the unit, or else of the target root.

    Raises:
        ManifestError: there is no such file in either.
    """
    found = []
    for name in manifest.standards.files:
        path = next((root / name for root in (unit_path, target_root) if (root / name).is_file()), None)
        if path is None:
            raise ManifestError(f"standards.files: there is no {name} in {unit_path}, and none in {target_root}")
        found.append(path)
    return found


def _copy(
    contents: UnitContents, manifest: Manifest, placement: Placement, destination: Destination, reader: SpecifierReader
) -> _Copied:
    moved = placement.moved
    relocation = Relocation(frozenset(contents.by_path), moved, destination.holds_file)
    rewritten = rewrite_unit(
        {path: file.content for path, file in contents.by_path.items()},
        relocation,
        manifest.imports,
        reader,
        standing=lambda path: destination.read(path).content,
    )
    replacements = Replacements(manifest.replace, source=manifest.source)
    copied: dict[str, bytes] = {}
    rewrites: list[Rewrite] = []
    unresolved: list[Unresolved] = []
    replaced: list[Replacement] = []
    rules_hit: set[int] = set()
    for source, path in sorted(moved.items(), key=lambda pair: pair[1]):
        file = rewritten[source]
        final = replacements.apply(source, file.content)
        rewrites += file.rewrites
        unresolved += (*file.unresolved, *final.unresolved)
        replaced += final.replacements
        rules_hit |= file.rules_hit
        copied[path] = final.content
    dead = [
        f"imports[{index}]: no specifier matches" for index in range(len(manifest.imports)) if index not in rules_hit
    ]
    return _Copied(
        copied,
        tuple(rewrites),
        tuple(replaced),
        tuple(unresolved),
        (*placement.dead_rules, *dead, *replacements.dead_rules(replaced)),
    )


def _fixed(files: Mapping[str, bytes], manifest: Manifest, unit_path: Path, target_root: Path) -> Mapping[str, bytes]:
    if not manifest.standards.fix:
        return {}
    from repo_agent_dagster.migration.standards import fix
    from repo_agent_dagster.migration.standards.tree import read_context

    rules = chosen_rules(manifest, unit_path, target_root)
    return fix(files, rules, context=read_context(target_root, rules)).changes


def chosen_rules(manifest: Manifest, unit_path: Path, target_root: Path) -> "Sequence[Rule]":
    """Return the standards that the unit is held to."""
    from repo_agent_dagster.migration.standards import load_rules, select

    rules = load_rules(standards_files(manifest, unit_path, target_root))
    return select(rules, manifest.standards.rules, manifest.standards.ignore)


def _refactored(files: Mapping[str, bytes], manifest: Manifest, destination: Destination) -> "Refactoring | None":
    spec = manifest.refactor.d1_to_rpc
    if spec is None:
        return None
    from repo_agent_dagster.migration.refactor import refactor_d1_to_rpc

    beside = {
        path: content
        for folder in (*_TYPES, posixpath.dirname(spec.orchestrator))
        if folder
        for path, content in destination.files_under(folder).items()
        if path.endswith(_TYPED)
    }
    return refactor_d1_to_rpc(
        files,
        {**beside, **destination.root_files(_TYPED), **destination.files_under(spec.orchestrator)},
        unit=manifest.unit,
        destination=manifest.destination,
        spec=spec,
    )
