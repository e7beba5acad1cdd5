"""Units as real folders, described."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from repo_agent_dagster.migration.inventory import FileInventory, UnitInventory, describe
from repo_agent_dagster.migration.units.contents import read_unit
from tests.migration.conftest import Files, write_tree

Described = Callable[[Files], UnitInventory]
DescribedFile = Callable[..., FileInventory]


@pytest.fixture
def described(tmp_path: Path) -> Described:
    """Write a unit and describe it."""

    numbers = count()

    def describe_tree(files: Files) -> UnitInventory:
        return describe(read_unit(write_tree(tmp_path / str(next(numbers)) / "shop", files)))

    return describe_tree


@pytest.fixture
def described_file(described: Described) -> DescribedFile:
    """Write a unit of one file, with others beside it where they are given, and describe that file."""

    def describe_file(path: str, text: str, others: Files | None = None) -> FileInventory:
        inventory = described({path: text, **(others or {})})
        return next(file for file in inventory.files if file.path == path)

    return describe_file
