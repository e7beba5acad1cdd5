"""Which Python a repository asks for, and whether the one that is there will do. Pure."""

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from repo_agent_dagster.pathways.setup.env_lists import tox_pythons
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, parsed_toml, table
from repo_agent_dagster.pathways.setup.poetry import poetry_specifier
from repo_agent_dagster.pathways.setup.setuptools_files import read_setuptools

Version = tuple[int, int]

OFFERED = tuple((3, minor) for minor in range(8, 15))
"""The versions that uv can install."""
_NAMED = re.compile(r"(?:python-|cpython-)?(\d)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class AskedPython:
    """What a repository says of its Python: what it allows, and which versions it names; `sources` say where."""

    allowed: SpecifierSet
    named: tuple[Version, ...] = ()
    allowed_source: str = ""
    named_source: str = ""


@dataclass(frozen=True)
class PythonChoice:
    """Which Python to work with: None is the one that is there. `required`: the one that is there is not allowed."""

    version: Version | None = None
    required: bool = False
    reason: str = ""


def asked_python(facts: RepositoryFacts) -> AskedPython:
    """Read what the repository allows (`requires-python`) and names (`.python-version`, tox's environments, …)."""
    allowed, allowed_source = SpecifierSet(), ""
    for source, text in _requirements(facts):
        try:
            allowed, allowed_source = SpecifierSet(text), source
        except InvalidSpecifier:
            continue  # its own tools will say so
        break
    for source, text in (
        (".python-version", facts.text(".python-version")),
        ("runtime.txt", facts.text("runtime.txt")),
        ("Pipfile", str(table(parsed_toml(facts.text("Pipfile")), "requires").get("python_version", ""))),
    ):
        lines = (line.strip() for line in text.splitlines())
        named = tuple((int(found[1]), int(found[2])) for line in lines if (found := _NAMED.fullmatch(line)))
        if named:
            return AskedPython(allowed, named, allowed_source, source)
    named = tuple(tox_pythons(facts))
    return AskedPython(allowed, named, allowed_source, "tox's list of environments" if named else "")


def choose_python(asked: AskedPython, have: Version) -> PythonChoice:
    """Return which Python to take where `have` is there: that one if nothing speaks against it, else the nearest."""
    fits = _allows(asked.allowed, have)
    candidates = [one for one in asked.named if one in OFFERED and _allows(asked.allowed, one)]
    if fits and (not asked.named or have in asked.named):
        return PythonChoice()
    if fits:
        if not candidates:
            return PythonChoice()  # only versions that nobody has any more, and this one is allowed
        version = _nearest(candidates, have)
        return PythonChoice(version, reason=f"{asked.named_source} names Python {_shown(version)}")
    candidates = candidates or [one for one in OFFERED if _allows(asked.allowed, one)]
    reason = f"{asked.allowed_source} allows Python {asked.allowed}, which {_shown(have)} of the image is not"
    return PythonChoice(_nearest(candidates, have) if candidates else None, required=True, reason=reason)


def _requirements(facts: RepositoryFacts) -> list[tuple[str, str]]:
    pyproject = facts.pyproject()
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry", "dependencies")
    found = [
        ("requires-python of pyproject.toml", project.get("requires-python")),
        ("python of pyproject.toml", poetry_specifier(poetry.get("python", ""))),
        ("python_requires of setup.py or setup.cfg", read_setuptools(facts).python_requires),
    ]
    return [(source, text) for source, text in found if isinstance(text, str) and text.strip()]


def _allows(allowed: SpecifierSet, version: Version) -> bool:
    # Of a minor version the newest patch release is taken, so `>=3.11.4` and `<3.12` both allow 3.11.
    return any(allowed.contains(f"{_shown(version)}.{patch}") for patch in (0, 99))


def _nearest(versions: list[Version], have: Version) -> Version:
    return min(versions, key=lambda one: (abs(one[1] - have[1]), -one[1]))


def _shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
