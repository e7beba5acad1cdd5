"""What a language's reader finds in one file by itself, before the rest of the unit is known."""

from dataclasses import dataclass

from repo_agent_dagster.migration.inventory.model import StorageUse


@dataclass(frozen=True)
class ImportFact:
    """An import as it is written: specifier or module name, and its line.

    `names` are what Python's ``from`` takes; `in_page` is an import by a script that stands in a page.
    """

    specifier: str
    line: int
    names: tuple[str, ...] = ()
    in_page: bool = False


@dataclass(frozen=True)
class Export:
    """Something that a file offers to others, and the comment above it."""

    name: str
    comment: str | None = None


@dataclass(frozen=True)
class BindingCall:
    """A method called on ``env.NAME``: what kind of store it is, only the unit's configuration or types can tell."""

    binding: str
    method: str
    line: int
    statement: str | None


@dataclass(frozen=True)
class SourceFacts:
    """The facts of one file. `head` and `title` are text for people; `bindings` are names with their kind."""

    head: str | None = None
    title: str | None = None
    docstring: str | None = None
    exports: tuple[Export, ...] = ()
    definitions: tuple[str, ...] = ()
    imports: tuple[ImportFact, ...] = ()
    storage: tuple[StorageUse, ...] = ()
    bindings: tuple[tuple[str, str], ...] = ()
    binding_calls: tuple[BindingCall, ...] = ()
    test_cases: int = 0
    entry_point: str | None = None
    package: str | None = None
    notes: tuple[str, ...] = ()
