"""JSON Schemas of every model, for those who read or write our JSON in other languages."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pydantic import BaseModel, TypeAdapter

from repo_agent_dagster import contracts
from repo_agent_dagster.contracts.base import Contract, SnakeContract
from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.patches import PatchOperation

_UNIONS: dict[str, Any] = {"PatchOperation": PatchOperation}


class UnknownContractError(PermanentFault):
    """No contract has this name."""


@cache
def models() -> dict[str, type[BaseModel]]:
    """Return every public model of `repo_agent_dagster.contracts` by its class name."""
    found: dict[str, type[BaseModel]] = {}
    for module_info in iter_modules(contracts.__path__, f"{contracts.__name__}."):
        module = import_module(module_info.name)
        for name, member in vars(module).items():
            if not isinstance(member, type) or not issubclass(member, BaseModel):
                continue
            if name.startswith("_") or member.__module__ != module.__name__ or member in (Contract, SnakeContract):
                continue
            if name in found:
                raise TypeError(f"two contracts are called {name}: in {found[name].__module__} and {module.__name__}")
            found[name] = member
    return dict(sorted(found.items()))


def json_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what a sender may write for this contract, e.g. ``PatchBatch``.

    Raises:
        UnknownContractError: no contract has this name.
    """
    if name in _UNIONS:
        return TypeAdapter(_UNIONS[name]).json_schema(by_alias=True)
    if name not in models():
        raise UnknownContractError(f"there is no contract {name!r}; there are {', '.join(contract_names())}")
    return models()[name].model_json_schema(by_alias=True)


def contract_names() -> list[str]:
    """Return the names that `json_schema` knows, sorted."""
    return sorted({*models(), *_UNIONS})


def all_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of every contract, by name."""
    return {name: json_schema(name) for name in contract_names()}
