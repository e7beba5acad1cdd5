"""What a repository offers to snippets: its files, modules with their public names, tests, and its Node.js package.

Found by a program of ours in the sandbox that reads sources and runs none of them; what it writes is checked here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.pathways.context import TaskContext
from repo_agent_dagster.pathways.suites.detection import SCRATCH
from repo_agent_dagster.sandbox.spec import SandboxFileError

if TYPE_CHECKING:
    from repo_agent_dagster.sandbox.sandbox import Sandbox

SURVEY_SECONDS = 120
MAX_SURVEY_BYTES = 8 << 20
MAX_FILES = 50_000
_REPORT = f"{SCRATCH}/survey.json"

_OF_INTERPRETER = re.compile(r"[\\/]lib(?:64)?[\\/]python\d[\d.]*[\\/](?!(?:site|dist)-packages)|^<|^node:")
_EVERYWHERE = re.compile(r"__(?:init|main)__\.py|index\.[cm]?[jt]s|setup\.py|conftest\.py")

_Name = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]+$")]
_Identifier = Annotated[str, Field(max_length=300, pattern=r"^[A-Za-z_][\w.]*$")]


class RepositoryNotSurveyed(PermanentFault):
    """The clone in the sandbox cannot be read: Python is missing there, or the clone is damaged."""


@dataclass(frozen=True)
class RepositoryTest:
    """A test of the repository: its id as its runner takes it, and its file."""

    id: str
    file: str


@dataclass(frozen=True)
class Survey:
    """What a repository offers; paths are from its root.

    `modules` are public names by importable module, `bases` the names of the bases of its classes.
    """

    files: frozenset[str] = frozenset()
    modules: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tests: tuple[RepositoryTest, ...] = ()
    node_package: str = ""

    @property
    def packages(self) -> frozenset[str]:
        """The top-level packages and modules that can be imported."""
        return frozenset(name.partition(".")[0] for name in self.modules)

    def modules_with(self, name: str) -> list[str]:
        """Return the modules that have a public name, those with the shortest path first."""
        found = [module for module, names in self.modules.items() if name in names]
        return sorted(found, key=lambda module: (module.count("."), module))

    def file_of(self, path: str) -> str | None:
        """Return the repository's file that a path of a traceback means, wherever it was installed then.

        The longest common end decides; a bare file name counts only where one file alone has it. Files of the
        interpreters' own libraries are never the repository's.
        """
        if _OF_INTERPRETER.search(path):
            return None
        parts = [part for part in re.split(r"[\\/]+", path) if part not in ("", ".")]
        for length in range(len(parts), 0, -1):
            end = "/".join(parts[-length:])
            found = [name for name in self.files if name == end or name.endswith(f"/{end}")]
            if length == 1 and (len(found) != 1 or _EVERYWHERE.fullmatch(end)):
                return None
            if found:
                return min(found, key=lambda name: (name.count("/"), name))
        return None


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: Annotated[list[_Name], Field(max_length=MAX_FILES)]
    modules: Annotated[dict[_Identifier, list[_Identifier]], Field(max_length=20_000)]
    bases: Annotated[dict[_Identifier, list[_Identifier]], Field(max_length=20_000)]
    tests: Annotated[list[tuple[_Name, _Name]], Field(max_length=20_000)]
    node_package: Annotated[str, Field(max_length=214, pattern=r"^(?:(?:@[\w.~-]+/)?[\w.~-]+)?$")]


def survey_repository(context: TaskContext, box: "Sandbox", path: str) -> Survey:
    """Survey the clone, or the part of one, at `path` in the sandbox.

    Raises:
        RepositoryNotSurveyed: it cannot be read there.
    """
    script = context.scripts.deliver(box, "survey_repository.py")
    box.exec(["mkdir", "-p", SCRATCH], cwd="/")
    done = box.exec(script.argv(_REPORT), cwd=path, timeout_seconds=SURVEY_SECONDS)
    if not done.ok:
        raise RepositoryNotSurveyed(
            f"the repository at {path} cannot be surveyed in the sandbox; its image needs git and python3: "
            f"{done.output.strip()[-800:]}"
        )
    try:
        return _checked(box.get(_REPORT, max_bytes=MAX_SURVEY_BYTES))
    except (SandboxFileError, ValidationError) as error:
        raise RepositoryNotSurveyed(f"the survey of the repository at {path} is not usable: {error}") from error


def _checked(content: bytes) -> Survey:
    found = _Found.model_validate_json(content)
    return Survey(
        files=frozenset(found.files),
        modules={module: frozenset(names) for module, names in found.modules.items()},
        bases={name: frozenset(bases) for name, bases in found.bases.items()},
        tests=tuple(RepositoryTest(one, file) for one, file in found.tests),
        node_package=found.node_package,
    )
