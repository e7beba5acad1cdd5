"""What an inventory says of a unit: facts of each file, and totals; plain frozen data, the same for the same unit."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

FileKind = Literal["code", "test", "config", "docs", "data", "asset", "lock", "binary"]
Ecosystem = Literal["npm", "pypi", "go", "url", "platform"]
PackageStatus = Literal["used", "unused", "undeclared", "platform"]
Side = Literal["value", "effort"]
UnitKind = Literal["app", "library", "documents"]


@dataclass(frozen=True)
class LocalImport:
    """An import of a file of the unit; `target` is None where there is no such file, and `reason` then says why."""

    specifier: str
    line: int
    target: str | None
    reason: str | None = None


@dataclass(frozen=True)
class PackageImport:
    """An import of something that is not of the unit; `version` is what lock and package files say of it, if any."""

    ecosystem: Ecosystem
    package: str
    line: int
    version: str | None = None


@dataclass(frozen=True)
class StorageUse:
    """One place where data is kept or asked for: the kind of store, the line, and the statement or the binding."""

    kind: str
    line: int
    detail: str


@dataclass(frozen=True)
class Tested:
    """What a test file tests: the number of its cases, and the files of the unit that it is about."""

    cases: int
    subjects: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """Points for value or effort, and the fact that they are given for."""

    side: Side
    points: int
    why: str


@dataclass(frozen=True)
class Estimate:
    """How much a file or a unit brings, and how much work it is to bring in, in points; they only compare units."""

    reasons: tuple[Reason, ...] = ()

    @property
    def value(self) -> int:
        """The points of all reasons for value."""
        return sum(reason.points for reason in self.reasons if reason.side == "value")

    @property
    def effort(self) -> int:
        """The points of all reasons for effort."""
        return sum(reason.points for reason in self.reasons if reason.side == "effort")

    def to_json(self) -> dict[str, Any]:
        """Return the points with their reasons as JSON values."""
        return {"value": self.value, "effort": self.effort, "reasons": [asdict(reason) for reason in self.reasons]}


@dataclass(frozen=True)
class FileInventory:
    """One file of the unit. `lines` counts all, `nonblank_lines` those with something on them; binary files have none.

    `purpose_from` says where the purpose was found: in its head comment, its docstring, … or only in its name.
    `notes` tells what could not be read.
    """

    path: str
    language: str
    kind: FileKind
    size: int
    lines: int
    nonblank_lines: int
    purpose: str
    purpose_from: str
    exports: tuple[str, ...] = ()
    entry_point: str | None = None
    local_imports: tuple[LocalImport, ...] = ()
    package_imports: tuple[PackageImport, ...] = ()
    storage: tuple[StorageUse, ...] = ()
    test: Tested | None = None
    licence: str | None = None
    licence_from: str | None = None
    estimate: Estimate = Estimate()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the file's facts as JSON values."""
        return {**asdict(self), "estimate": self.estimate.to_json()}


@dataclass(frozen=True)
class Package:
    """A package that the unit declares, uses, or both.

    `wanted` are the ranges it asks for, `locked` the versions in lock files, `used_by` the files that import it.
    """

    ecosystem: Ecosystem
    name: str
    wanted: tuple[str, ...]
    locked: tuple[str, ...]
    declared_in: tuple[str, ...]
    used_by: tuple[str, ...]
    status: PackageStatus
    dev: bool = False


@dataclass(frozen=True)
class Database:
    """A store that the unit uses: its kind, its binding's name if it has one, and how many places use it."""

    kind: str
    name: str | None
    uses: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class LanguageTotal:
    """Files and lines of one language."""

    language: str
    files: int
    lines: int


@dataclass(frozen=True)
class Licence:
    """A licence, and how many files are under it; None: nothing in the unit says so."""

    name: str | None
    files: int


@dataclass(frozen=True)
class UnitInventory:
    """A unit at a glance: totals, packages, databases, licences, the estimate, and the facts of each file."""

    unit: str
    digest: str
    kind: UnitKind
    kind_reason: str
    purpose: str
    files: tuple[FileInventory, ...]
    languages: tuple[LanguageTotal, ...]
    packages: tuple[Package, ...]
    databases: tuple[Database, ...]
    licences: tuple[Licence, ...]
    estimate: Estimate
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def lines(self) -> int:
        """Lines of all files that are text."""
        return sum(file.lines for file in self.files)

    @property
    def tests(self) -> tuple[FileInventory, ...]:
        """The files that are tests."""
        return tuple(file for file in self.files if file.test is not None)

    @property
    def test_cases(self) -> int:
        """The cases of all test files, as far as they can be counted."""
        return sum(file.test.cases for file in self.files if file.test is not None)

    @property
    def unresolved(self) -> tuple[tuple[str, LocalImport], ...]:
        """The local imports that mean no file of the unit, each with the file that holds it."""
        return tuple((file.path, one) for file in self.files for one in file.local_imports if one.target is None)

    def to_json(self) -> dict[str, Any]:
        """Return the inventory as JSON values."""
        return {
            "unit": self.unit,
            "digest": self.digest,
            "kind": self.kind,
            "kind_reason": self.kind_reason,
            "purpose": self.purpose,
            "totals": {
                "files": len(self.files),
                "bytes": self.size,
                "lines": self.lines,
                "tests": len(self.tests),
                "test_cases": self.test_cases,
                "packages": sum(package.ecosystem != "platform" for package in self.packages),
                "databases": len(self.databases),
                "unresolved_imports": len(self.unresolved),
            },
            "languages": [asdict(language) for language in self.languages],
            "packages": [asdict(package) for package in self.packages],
            "databases": [asdict(database) for database in self.databases],
            "licences": [asdict(licence) for licence in self.licences],
            "estimate": self.estimate.to_json(),
            "left_out": [{"path": path, "reason": reason} for path, reason in self.left_out],
            "files": [file.to_json() for file in self.files],
        }
