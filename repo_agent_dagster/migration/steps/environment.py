"""What a migration needs from outside: the store, the sandbox, the clock. Faces and wiring make it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from repo_agent_dagster.ai import Provider
from repo_agent_dagster.contracts.custody import Custody
from repo_agent_dagster.migration.merging.bases import Bases
from repo_agent_dagster.migration.rewriting.specifiers import SpecifierReader
from repo_agent_dagster.patching import Checker
from repo_agent_dagster.sandbox.box import Box, Install

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True)
class Environment:
    """What the steps of a migration share.

    `open_box` opens a sandbox for one `with`; None means that nothing is validated. `checker` gives the check that a
    refactoring must pass, by the tsconfig files of the projects; None: none. `install` brings the packages that the
    manifest's commands need. `provider` gives the model that manual work is put to; None: nobody is asked. `reader`
    gives what finds specifiers, None: ast-grep does. `needs_approval` holds for manifests that do not say. `notify`
    tells whoever is subscribed and returns how that went. `on_step` is shown each step when it begins and when it ends.
    """

    engine: "Engine"
    custody: Custody
    bases: Bases
    now: Callable[[], datetime]
    open_box: Callable[[], AbstractContextManager[Box]] | None = None
    checker: Callable[[Sequence[str]], Checker] | None = None
    install: Install | None = None
    provider: Callable[[], Provider] | None = None
    reader: Callable[[], SpecifierReader] | None = None
    needs_approval: bool = False
    notify: Callable[[], str] | None = None
    validate_seconds: float = 300.0
    on_step: Callable[[dict[str, Any]], None] = lambda _step: None
