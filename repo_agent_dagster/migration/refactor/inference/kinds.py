"""The kinds of value that the refactoring tells apart."""

from dataclasses import dataclass
from typing import TypeAlias

from repo_agent_dagster.migration.refactor.model import Api
from repo_agent_dagster.migration.refactor.syntax.scopes import Declaration
from repo_agent_dagster.migration.refactor.syntax.tree import Node


@dataclass(frozen=True)
class Handle:
    """A database: what `env.DB`, `new Database(path)` and `ctx.storage.sql` are."""

    api: Api


@dataclass(frozen=True)
class DatabaseClass:
    """A class whose instances are databases."""

    api: Api


@dataclass(frozen=True)
class DatabaseModule:
    """A whole module that holds a database class: ``import * as sqlite from 'node:sqlite'``."""

    api: Api


@dataclass(frozen=True)
class Prepared:
    """A prepared statement; `call` is the call that prepared or bound it, None where only its type is known."""

    api: Api
    call: Node | None


@dataclass(frozen=True)
class Cursor:
    """The rows that `sql.exec` of a Durable Object gives; `call` is that call."""

    call: Node


@dataclass(frozen=True)
class ObjectStorage:
    """A Durable Object's `ctx.storage`."""


@dataclass(frozen=True)
class ObjectState:
    """A Durable Object's `ctx`."""


@dataclass(frozen=True)
class ModuleEnv:
    """The `env` that ``cloudflare:workers`` exports."""


@dataclass(frozen=True)
class Instance:
    """An instance of a class, or a value of an interface, that the unit declares."""

    declaration: Declaration


@dataclass(frozen=True)
class ClassValue:
    """A class itself, for its static members and for `new`."""

    declaration: Declaration


@dataclass(frozen=True)
class Shape:
    """A value of an object type that is written in place, or an object literal."""

    node: Node


@dataclass(frozen=True)
class Callable:
    """A function; `node` is the function, or the function type or signature that declares it."""

    node: Node


@dataclass(frozen=True)
class Namespace:
    """A module of the unit as a value: ``import * as store from './store'``."""

    path: str


@dataclass(frozen=True)
class Promised:
    """A promise of a value."""

    of: "Kind | None"


@dataclass(frozen=True)
class Listed:
    """Several values of one kind: an array, a set."""

    of: "Kind | None"


@dataclass(frozen=True)
class Keyed:
    """Values of one kind by key: a Map, a Record."""

    of: "Kind | None"


@dataclass(frozen=True)
class Plain:
    """A value of one of these primitive types: string, number, boolean, bigint, null, undefined, bytes, any."""

    names: frozenset[str]


@dataclass(frozen=True)
class Foreign:
    """A value of a class or type that is not the unit's, such as Date or URL."""

    name: str


Kind: TypeAlias = (
    Handle
    | DatabaseClass
    | DatabaseModule
    | Prepared
    | Cursor
    | ObjectStorage
    | ObjectState
    | ModuleEnv
    | Instance
    | ClassValue
    | Shape
    | Callable
    | Namespace
    | Promised
    | Listed
    | Keyed
    | Plain
    | Foreign
)


def plain(*names: str) -> Plain:
    """Return the kind of a primitive value."""
    return Plain(frozenset(names))
