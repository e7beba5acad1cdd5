"""What a migration would do, worked out without doing it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from repo_agent_dagster.contracts.migration import Manifest, Standards
from repo_agent_dagster.migration.faults import DestinationError
from repo_agent_dagster.migration.manifest.reading import manifest_digest
from repo_agent_dagster.migration.merging.bases import Bases, find_base
from repo_agent_dagster.migration.merging.conflicts import Resolution, read_resolution
from repo_agent_dagster.migration.merging.git_blobs import ObjectFormat, blob_id, object_format
from repo_agent_dagster.migration.planning.bringing import Brought, bring, chosen_rules, merge_method
from repo_agent_dagster.migration.planning.deciding import Decision, FindBase, Layer, decide, decide_gone
from repo_agent_dagster.migration.planning.destination import Destination, Standing
from repo_agent_dagster.migration.planning.lock import RULES, LockedFile, MigrationLock, lock_path, read_lock
from repo_agent_dagster.migration.planning.model import STAGES, Action, Change, Plan, Stage, StageName
from repo_agent_dagster.migration.planning.placement import place_files
from repo_agent_dagster.migration.planning.settled import settled_plan
from repo_agent_dagster.migration.rewriting.specifiers import SpecifierReader
from repo_agent_dagster.migration.rewriting.typescript import AstGrepReader
from repo_agent_dagster.migration.units.contents import UnitContents, read_unit


def plan(
    unit_path: Path,
    target_root: Path,
    manifest: Manifest,
    *,
    bases: Bases | None = None,
    reader: SpecifierReader | None = None,
    contents: UnitContents | None = None,
    fresh: bool = False,
) -> Plan:
    """Return what migrating the unit would do to the target root; reads both, writes nothing.

    `bases` holds what earlier migrations brought; what is not in it is looked for in the target root's git objects.
    `reader` finds the specifiers of TypeScript and JavaScript; by default ast-grep's parser does, in this process.
    `contents` is the unit as it was read before; by default it is read now. Where everything stands as the lock says,
    for this very unit and manifest, nothing is worked out again unless it shall be `fresh`.

    Raises:
        UnitError: the unit is missing, its `source` holds no file, or two files want one place.
        UnitChanging: the unit's files vanish while they are read.
        ManifestError: the manifest names standards that there are not.
        DestinationError: the target root is missing, the destination belongs to another unit or its lock is damaged.
    """
    if not target_root.is_dir():
        raise DestinationError(f"target root {target_root} is not a folder; name the monorepo's folder with --into")
    if manifest.standards != Standards():
        chosen_rules(manifest, unit_path, target_root)  # a rule that there is not is told before anything is written
    contents = contents or read_unit(unit_path)
    placement = place_files(contents, manifest)
    destination = Destination(target_root)
    lock = _previous_lock(destination, manifest)
    if lock is not None and not fresh:
        settled = settled_plan(contents, target_root, manifest, lock, destination)
        if settled is not None:
            return settled
    brought = bring(contents, manifest, placement, destination, reader or AstGrepReader())
    decisions = _Decisions(
        manifest,
        destination,
        {} if lock is None else lock.files,
        _finder(target_root, bases),
        object_format(target_root) or "sha1",
    )
    decisions.add_unit(brought)
    decisions.add_elsewhere(brought)
    decisions.add_gone(brought)
    digests = contents.digest, manifest_digest(manifest)
    changes, stages = _with_locks(decisions, destination, manifest, digests, is_settled=not brought.unresolved)
    return Plan(
        unit_path=unit_path,
        target_root=target_root,
        manifest=manifest,
        source_digest=digests[0],
        manifest_digest=digests[1],
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        stages=stages,
        moved=placement.moved,
        locked=decisions.locked_after(STAGES[-1]),
        bases=tuple(decisions.bases),
        rewrites=brought.rewrites,
        replacements=brought.replacements,
        unresolved=brought.unresolved,
        residual=brought.residual,
        left_out=contents.left_out,
        dead_rules=brought.dead_rules,
        notes=tuple(_notes(placement.moved.values())),
        refactoring=brought.refactoring,
    )


@dataclass
class _Decisions:
    """Everything decided so far: for each file what becomes of it, and what the lock says after each stage."""

    manifest: Manifest
    destination: Destination
    previous: Mapping[str, LockedFile]
    find_base: FindBase
    objects: ObjectFormat
    made: dict[str, Decision] = field(default_factory=dict)
    versions: dict[str, tuple[str, tuple[Layer, ...]]] = field(default_factory=dict)
    bases: list[bytes] = field(default_factory=list)
    told: dict[tuple[str, StageName], LockedFile] = field(default_factory=dict)

    def add_unit(self, brought: Brought) -> None:
        """Decide on the files that the unit brings."""
        for path, layers in brought.layers.items():
            self._decide(path, layers, brought.sources[path])

    def add_elsewhere(self, brought: Brought) -> None:
        """Decide on files of other packages: generated ones are ours, in people's own the change is made in place."""
        for path in brought.generated:
            standing = self.destination.read(path)
            content = brought.elsewhere.get(path, standing.content)
            self._decide(path, (Layer("refactor", content, False),), "(refactor)", standing)
        for path, content in brought.elsewhere.items():
            standing = self.destination.read(path)
            if path not in brought.generated and standing.content != content:
                action: Action = "create" if standing.content is None else "update"
                change = Change(path, action, standing.content, content, standing.executable, standing.executable)
                self.made[path] = Decision(change, (("refactor", change),))

    def add_gone(self, brought: Brought) -> None:
        """Decide on the files that an earlier migration wrote and that are brought no more."""
        for path in sorted(set(self.previous) - set(brought.layers) - set(brought.generated)):
            decision = decide_gone(path, self.destination.read(path), self.previous[path])
            if decision is not None:
                self.made[path] = decision

    def steps_of(self, stage: StageName) -> list[Change]:
        """Return what a stage writes."""
        return [step for made in self.made.values() for name, step in made.steps if name == stage]

    def locked_after(self, stage: StageName) -> dict[str, LockedFile]:
        """Return what the lock says of each file once the stage is written."""
        number = STAGES.index(stage)
        locked = {}
        for path, (source, layers) in self.versions.items():
            is_done = all(STAGES.index(name) <= number for name, _ in self.made[path].steps)
            reached = layers if is_done else [one for one in layers if STAGES.index(one.stage) <= number]
            layer = reached[-1] if reached else None
            if layer is not None and layer.content is not None:
                locked[path] = self._locked(path, source, layer, layer.content)
        return dict(sorted(locked.items()))

    def _locked(self, path: str, source: str, layer: Layer, content: bytes) -> LockedFile:
        """Return what the lock says of one version of a file; hashed once, though every stage's lock may say it."""
        told = self.told.get((path, layer.stage))
        if told is None:
            told = LockedFile(
                source=source,
                sha256=sha256(content).hexdigest(),
                executable=layer.executable,
                blob=blob_id(content, self.objects),
            )
            self.told[path, layer.stage] = told
        return told

    def _decide(self, path: str, layers: tuple[Layer, ...], source: str, standing: Standing | None = None) -> None:
        self.versions[path] = (source, layers)
        self.bases += [layer.content for layer in layers if layer.content is not None]
        self.made[path] = decide(
            path,
            layers,
            self.destination.read(path) if standing is None else standing,
            self.previous.get(path),
            method=merge_method(self.manifest, path),
            find_base=self.find_base,
            resolve=self._resolve,
        )

    def _resolve(self, path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> Resolution | None:
        sides = {"base": _digest(base), "ours": _digest(ours), "theirs": _digest(theirs)}
        return read_resolution(self.destination.root, self.manifest.unit, path, **sides)


def _digest(content: bytes | None) -> str | None:
    return None if content is None else sha256(content).hexdigest()


def _with_locks(
    decisions: _Decisions,
    destination: Destination,
    manifest: Manifest,
    digests: tuple[str, str],
    *,
    is_settled: bool,
) -> tuple[list[Change], tuple[Stage, ...]]:
    """Return all changes and the stages, with the lock written anew by each stage that changes what it says."""
    path = lock_path(manifest.destination)
    standing = destination.read(path)
    content, stages = standing.content, []
    steps = {name: decisions.steps_of(name) for name in STAGES}
    last = max((number for number, name in enumerate(STAGES) if steps[name]), default=0)
    for number, name in enumerate(STAGES):
        changes = steps[name]
        if name != "copy" and not changes:
            continue
        lock = MigrationLock(
            rules=RULES,
            is_settled=is_settled and number == last,
            unit=manifest.unit,
            source_digest=digests[0],
            manifest_digest=digests[1],
            files=decisions.locked_after(name),
        ).to_bytes()
        if lock != content:
            changes.append(Change(path, "create" if content is None else "update", content, lock))
            content = lock
        if changes:
            stages.append(Stage(name, tuple(sorted(changes, key=lambda change: change.path))))
    over_all = Change(path, "unchanged", standing.content, content)
    if content != standing.content:
        over_all = replace(over_all, action="create" if standing.content is None else "update")
    return [*(made.change for made in decisions.made.values()), over_all], tuple(stages)


def _previous_lock(destination: Destination, manifest: Manifest) -> MigrationLock | None:
    path = lock_path(manifest.destination)
    standing = destination.read(path)
    if standing.obstacle is not None:
        raise DestinationError(f"{path}: {standing.obstacle}; move it away")
    if standing.content is None:
        return None
    lock = read_lock(path, standing.content)
    if lock.unit != manifest.unit:
        raise DestinationError(
            f"{manifest.destination} belongs to unit {lock.unit!r} ({path}); choose another destination for "
            f"{manifest.unit!r}, or remove that unit first"
        )
    return lock


def _finder(target_root: Path, bases: Bases | None) -> FindBase:
    """Return what finds a base: among what this machine kept, or among the objects of the target root's repository."""

    def find(locked: LockedFile, ours: bytes | None, theirs: bytes | None) -> bytes | None:
        return find_base(locked.sha256, ours=ours, theirs=theirs, bases=bases, root=target_root, blob=locked.blob)

    return find


def _notes(paths: Iterable[str]) -> Sequence[str]:
    """Return what people should know of the paths: names that some file systems cannot tell apart."""
    by_folded: dict[str, list[str]] = {}
    for path in paths:
        by_folded.setdefault(path.casefold(), []).append(path)
    return [
        f"{' and '.join(sorted(twins))} differ in case only; macOS and Windows check out one of them"
        for _, twins in sorted(by_folded.items())
        if len(twins) > 1
    ]
