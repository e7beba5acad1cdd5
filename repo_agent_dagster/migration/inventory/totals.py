"""Totals of a unit from its files: languages, packages, databases, licences."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from repo_agent_dagster.migration.inventory.declared_packages import Declared
from repo_agent_dagster.migration.inventory.model import (
    Database,
    Ecosystem,
    FileInventory,
    LanguageTotal,
    Licence,
    Package,
    PackageStatus,
)

_ORDER: dict[Ecosystem, int] = {"npm": 0, "pypi": 1, "go": 2, "url": 3, "platform": 4}
_CODE = frozenset({"code", "test"})


def languages_of(files: Sequence[FileInventory]) -> tuple[LanguageTotal, ...]:
    """Return files and lines of each language, the one with the most lines first."""
    counts, lines = Counter(file.language for file in files), Counter[str]()
    for file in files:
        lines[file.language] += file.lines
    totals = [LanguageTotal(language, count, lines[language]) for language, count in counts.items()]
    return tuple(sorted(totals, key=lambda total: (-total.lines, total.language)))


def packages_of(
    files: Iterable[FileInventory],
    declared: Sequence[Declared],
    locked: Mapping[tuple[Ecosystem, str], tuple[str, ...]],
) -> tuple[Package, ...]:
    """Return the packages that the unit declares or uses, by ecosystem and name."""
    used: dict[tuple[Ecosystem, str], dict[str, None]] = {}
    for file in files:
        for one in file.package_imports:
            used.setdefault((one.ecosystem, one.package), {})[file.path] = None
    asked: dict[tuple[Ecosystem, str], list[Declared]] = {}
    for entry in declared:
        asked.setdefault((entry.ecosystem, entry.name), []).append(entry)
    packages = []
    for key in sorted({*used, *asked}, key=lambda key: (_ORDER[key[0]], key[1])):
        ecosystem, name = key
        entries, users = asked.get(key, []), tuple(used.get(key, ()))
        packages.append(
            Package(
                ecosystem=ecosystem,
                name=name,
                wanted=tuple(dict.fromkeys(entry.wanted for entry in entries if entry.wanted)),
                locked=locked.get(key, ()),
                declared_in=tuple(dict.fromkeys(entry.file for entry in entries)),
                used_by=users,
                status=_status(ecosystem, declared=bool(entries), used=bool(users)),
                dev=bool(entries) and all(entry.dev for entry in entries),
            )
        )
    return tuple(packages)


def _status(ecosystem: Ecosystem, *, declared: bool, used: bool) -> PackageStatus:
    if ecosystem in {"platform", "url"}:
        return "platform"
    if not declared:
        return "undeclared"
    return "used" if used else "unused"


def databases_of(files: Iterable[FileInventory]) -> tuple[Database, ...]:
    """Return the stores that the unit uses, by kind and binding; SQL statements are counted as the kind sql."""
    uses: Counter[tuple[str, str | None]] = Counter()
    where: dict[tuple[str, str | None], dict[str, None]] = {}
    for file in files:
        for use in file.storage:
            binding = use.detail.removeprefix("binding ") if use.detail.startswith("binding ") else None
            if use.detail.startswith("env."):
                binding = use.detail.split(".")[1]
            key = (use.kind, binding)
            uses[key] += 1
            where.setdefault(key, {})[file.path] = None
    return tuple(
        Database(kind, name, uses[kind, name], tuple(where[kind, name]))
        for kind, name in sorted(uses, key=lambda key: (key[0], key[1] or ""))
    )


def licences_of(files: Iterable[FileInventory]) -> tuple[Licence, ...]:
    """Return the licences of the unit's code, the one with the most files first."""
    counts = Counter(file.licence for file in files if file.kind in _CODE)
    return tuple(
        Licence(name, count) for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0] or ""))
    )
