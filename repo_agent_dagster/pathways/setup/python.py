"""What a Python repository needs for its tests, and the commands that install it: uv where there is one. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from repo_agent_dagster.pathways.setup.env_lists import TestEnvironment, nox_environment, tox_environment
from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, parsed_toml, table
from repo_agent_dagster.pathways.setup.interpreters import PythonChoice, asked_python, choose_python
from repo_agent_dagster.pathways.setup.poetry import table_requirements
from repo_agent_dagster.pathways.setup.setuptools_files import read_setuptools
from repo_agent_dagster.pathways.setup.steps import VENV, SetupPlan, Step, Tools

TEST_NAMES = ("test", "tests", "testing")
"""Names of the extras and groups that hold what tests need; `dev` is taken where there is none of them."""
_REQUIREMENTS = re.compile(
    r"(requirements([-_.](dev|test|tests|testing))?|(dev|test|tests|testing)[-_.]requirements|"
    r"requirements/(base|dev|develop|test|tests|testing)|(tests?|testing)/requirements)\.txt"
)
_FOR_TESTS = re.compile(r".*(dev|test).*\.txt")
_SOURCE_BUILDS = re.compile(
    r"setuptools[-_]scm|hatch-vcs|versioneer|versioningit|dunamai|poetry-dynamic|cython|pybind11|nanobind|mypyc|"
    r"meson|scikit-build|maturin|setuptools[-_]rust|flit_scm|cffi|ext_modules|ext-modules|build\.py",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"^\s*(?:-[rce]|--requirement|--constraint|--editable|\.|/|[^#]*@\s*file:)", re.MULTILINE)
_UV = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_PROJECT_ENVIRONMENT": VENV}
_PYTHON = f"{VENV}/bin/python"
# A pytest of the project's own does not bear the plugins of the image's newer one.
_APART = (
    f"if ls -d {VENV}/lib/python*/site-packages/pytest >/dev/null 2>&1; then "
    f"sed -i 's/^include-system-site-packages = true/include-system-site-packages = false/' {VENV}/pyvenv.cfg; fi"
)


@dataclass
class _Wanted:
    """What is to be installed, collected in order; `arguments` are those that uv and pip both understand."""

    arguments: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    names_tests: bool = False

    def add(self, arguments: list[str], reason: str, *, for_tests: bool) -> None:
        if arguments:
            self.arguments += arguments
            self.reasons.append(reason)
            self.names_tests |= for_tests


def python_steps(facts: RepositoryFacts, tools: Tools) -> SetupPlan:
    """Return what is to be installed for the Python tests of the folder; an empty plan needs no network."""
    have = tools.python or (3, 11)
    choice = choose_python(asked_python(facts), have)
    if choice.required and (choice.version is None or "uv" not in tools.programs):
        how = "no version that uv could install is" if choice.version is None else "the image has no uv to install"
        return SetupPlan(refusal=f"{choice.reason}, and {how} one that it allows; give the task an image that has it")
    wanted = _wanted(facts, have)
    project = _project(facts, wanted)
    if not (wanted.arguments or project or choice.version):
        return SetupPlan()
    optional = project == _ONLY_BUILDS and not (wanted.arguments or choice.version)
    if project:
        wanted.reasons.append(project)
        wanted.arguments += ["-e", f".[{','.join(wanted.extras)}]" if wanted.extras else "."]
    steps = [*_environment(choice, optional=optional), *_install(facts, wanted, tools, choice, optional=optional)]
    reasons = [*([choice.reason] if choice.version else []), *wanted.reasons]
    if choice.version is None and wanted.arguments:
        steps.append(Step(("sh", "-c", _APART), shown=_APART, optional=True, anywhere=True))
    return SetupPlan(tuple(steps), "; ".join(reasons), whole_commit=_depends_on_sources(facts))


def _wanted(facts: RepositoryFacts, have: tuple[int, int]) -> _Wanted:
    wanted = _Wanted()
    pyproject, setuptools = facts.pyproject(), read_setuptools(facts)
    for name in _requirement_files(facts):
        wanted.add(["-r", name], f"{name} lists requirements", for_tests=bool(_FOR_TESTS.fullmatch(name)))
    optional = {**table(pyproject, "project", "optional-dependencies"), **dict.fromkeys(setuptools.extras)}
    wanted.extras += _for_tests(table(pyproject, "tool", "poetry", "extras") | optional)
    groups = table(pyproject, "dependency-groups")
    members = [member for name in _for_tests(groups) for member in _group(groups, name, set())]
    wanted.add(list(dict.fromkeys(members)), "pyproject.toml has a dependency group for tests", for_tests=True)
    wanted.add(list(setuptools.tests_require), "setup.py or setup.cfg lists what the tests require", for_tests=True)
    wanted.add(_poetry(pyproject), "poetry has a group of dependencies for tests", for_tests=True)
    pipfile = parsed_toml(facts.text("Pipfile"))
    packages = {**table(pipfile, "packages"), **table(pipfile, "dev-packages")}
    wanted.add(table_requirements(packages), "the Pipfile lists packages", for_tests=True)
    if not (wanted.names_tests or wanted.extras):
        _from_runner(facts, wanted, tox_environment(facts, have) or nox_environment(facts))
    return wanted


def _from_runner(facts: RepositoryFacts, wanted: _Wanted, found: TestEnvironment | None) -> None:
    if found is None:
        return
    groups = table(facts.pyproject(), "dependency-groups")
    members = [member for name in found.groups for member in _group(groups, name, set())]
    wanted.extras += [extra for extra in found.extras if extra not in wanted.extras]
    wanted.add([*found.arguments, *members], f"{found.source} lists what its environment needs", for_tests=True)


def _for_tests(named: Mapping[str, Any]) -> list[str]:
    return [name for name in TEST_NAMES if name in named] or [name for name in ("dev",) if name in named]


def _requirement_files(facts: RepositoryFacts) -> list[str]:
    """Return the files of requirements that count: those for tests and, where there are none, those for developers.

    Not both: files that are compiled apart pin the same packages to different versions.
    """
    named = [name for name in sorted(facts.files) if _REQUIREMENTS.fullmatch(name)]
    listed = [name for name in named if _has_requirements(facts.text(name))]
    tested = any("test" in name for name in listed)
    return [name for name in listed if not (tested and "dev" in name and "test" not in name)]


def _has_requirements(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


_ONLY_BUILDS = "the project says how it is built, so that its tests may look for it among the installed packages"


def _project(facts: RepositoryFacts, wanted: _Wanted) -> str:
    """Return why the project itself is installed, empty where it is not."""
    pyproject, setuptools = facts.pyproject(), read_setuptools(facts)
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    if not (project or poetry or "build-system" in pyproject or setuptools.exists):
        return ""
    declared = project.get("dependencies") or "dependencies" in (project.get("dynamic") or [])
    if declared or wanted.extras or set(table(poetry, "dependencies")) - {"python"} or setuptools.has_requirements:
        return "the project declares dependencies"
    if setuptools.builds_extensions:
        return "the project has extension modules to build"
    in_src = any(name.startswith("src/") and name.endswith(".py") for name in facts.files)
    if in_src and not any("pythonpath" in facts.text(name) for name in ("pyproject.toml", "pytest.ini", "setup.cfg")):
        return "its packages are under src/, so that they are imported only when it is installed"
    if "build-system" in pyproject or setuptools.exists or project.get("scripts") or project.get("entry-points"):
        return _ONLY_BUILDS
    return ""


def _group(groups: Mapping[str, Any], name: str, seen: set[str]) -> list[str]:
    """Return the requirements of a dependency group (PEP 735), with those of the groups that it includes."""
    members = groups.get(name)
    if name in seen or not isinstance(members, list):
        return []
    seen.add(name)
    found: list[str] = []
    for member in members:
        if isinstance(member, str):
            found.append(member)
        elif isinstance(member, dict) and isinstance(member.get("include-group"), str):
            found += _group(groups, member["include-group"], seen)
    return found


def _poetry(pyproject: Mapping[str, Any]) -> list[str]:
    groups = table(pyproject, "tool", "poetry", "group")
    tables = [table(groups, name, "dependencies") for name in _for_tests(groups)]
    tables.append(table(pyproject, "tool", "poetry", "dev-dependencies"))
    return [requirement for one in tables for requirement in table_requirements(one)]


def _environment(choice: PythonChoice, *, optional: bool) -> list[Step]:
    ours = Step(
        ("python3", "-m", "venv", "--system-site-packages", "--without-pip", VENV), optional=optional, anywhere=True
    )
    if choice.version is None:
        return [ours]
    version = f"{choice.version[0]}.{choice.version[1]}"
    env = {**_UV, "UV_PYTHON_DOWNLOADS": "manual", "UV_HTTP_RETRIES": "1"}
    make = f"uv python install {version} && uv venv --clear --python {version} {VENV}"
    instead = f"Python {version} cannot be had"
    if choice.required:
        return [
            Step(("bash", "-c", make), shown=make, env=env, remark=f"{instead}, and {choice.reason}", anywhere=True)
        ]
    remark = f"{instead}, so the image's own runs: {choice.reason}, but it is allowed"
    return [Step(("bash", "-c", make), shown=make, env=env, otherwise=ours, remark=remark, anywhere=True)]


def _install(
    facts: RepositoryFacts, wanted: _Wanted, tools: Tools, choice: PythonChoice, *, optional: bool
) -> list[Step]:
    # The image's pytest is not seen by a Python that was installed beside it.
    arguments = [*wanted.arguments, *(["pytest", "pytest-cov"] if choice.version else [])]
    if not arguments:
        return []
    pip = Step((_PYTHON, "-m", "pip", "install", "--no-input", "--progress-bar=off", *arguments), optional=optional)
    if "uv" not in tools.programs:
        return [pip]
    by_pip = None if choice.version else pip  # that Python has no pip
    plain = Step(
        ("uv", "pip", "install", "--python", _PYTHON, *arguments),
        env=_UV,
        otherwise=by_pip,
        optional=optional,
        remark="uv refused what pip was asked for then",
    )
    if not any(name in facts.files for name in ("uv.lock", *(f"{up}/uv.lock" for up in facts.folders_above()))):
        return [plain]
    remark = "uv.lock could not be used, so that the newest versions that fit were installed"
    return [Step(_sync(facts, wanted), env=_UV, otherwise=plain, remark=remark), *_beside_lock(choice)]


def _beside_lock(choice: PythonChoice) -> list[Step]:
    if choice.version is None:
        return []
    return [Step(("uv", "pip", "install", "--python", _PYTHON, "pytest"), env=_UV, optional=True)]


def _sync(facts: RepositoryFacts, wanted: _Wanted) -> tuple[str, ...]:
    pyproject = facts.pyproject()
    extras = [word for name in wanted.extras for word in ("--extra", name)]
    groups = [word for name in _for_tests(table(pyproject, "dependency-groups")) for word in ("--group", name)]
    members = ["--all-packages"] if "uv.lock" in facts.files and table(pyproject, "tool", "uv", "workspace") else []
    return ("uv", "sync", "--frozen", "--python", _PYTHON, *members, *extras, *groups)


def _depends_on_sources(facts: RepositoryFacts) -> bool:
    """Whether the installed state depends on more than dependency files: versions from tags, code that is compiled."""
    declared = "\n".join(facts.text(name) for name in ("pyproject.toml", "setup.py", "setup.cfg"))
    if _SOURCE_BUILDS.search(declared):
        return True
    named = (text for name, text in facts.texts.items() if name.endswith((".txt", ".in")))
    referred = [line for text in named for line in text.splitlines() if _ELSEWHERE.match(line)]
    return any(not _leads_to_known(line, facts) for line in referred)


def _leads_to_known(line: str, facts: RepositoryFacts) -> bool:
    found = re.fullmatch(r"\s*(?:-[rc]|--requirement|--constraint)[\s=]*(\S+).*", line)
    return found is not None and any(name.endswith(found[1].lstrip("./")) for name in facts.files)
