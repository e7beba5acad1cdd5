"""Names of the files by which a repository's dependencies and tests are recognised. Pure."""

import posixpath
import re
from fnmatch import translate

SETUP_FILES = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "*requirements*.txt",
    "*requirements*.in",
    "constraints*.txt",
    "Pipfile",
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "uv.toml",
    "tox.ini",
    "noxfile.py",
    ".python-version",
    "runtime.txt",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "yarn.lock",
    ".yarnrc",
    ".yarnrc.yml",
    ".npmrc",
    ".nvmrc",
    ".repo-agent.yaml",
)
"""Names of the files that decide what is installed, in whatever folder."""
RUNNER_FILES = (
    "pytest.ini",
    ".pytest.ini",
    "conftest.py",
    "jest.config.*",
    "vitest.config.*",
    "vitest.workspace.*",
    "vite.config.*",
    "playwright.config.*",
    ".mocharc*",
    "go.mod",
    "Cargo.toml",
)
"""Names of the files that tell how tests are run, in whatever folder."""
PYTHON_TESTS = ("test_*.py", "*_test.py")
_LARGE = (
    "Pipfile.lock",
    "poetry.lock",
    "pdm.lock",
    "uv.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
)
_SOURCES = ("src/*.py", "src/*/__init__.py", "requirements/*.txt", "requirements/*.in")


def _names(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns))


GIT_GLOBS = tuple(
    f":(glob){glob}" for glob in (*(f"**/{name}" for name in (*SETUP_FILES, *RUNNER_FILES, *PYTHON_TESTS)), *_SOURCES)
)
"""Git's patterns for all of them."""
_SETUP, _TESTS = _names(*SETUP_FILES), _names(*PYTHON_TESTS)
_LISTED = _names(*SETUP_FILES, *RUNNER_FILES)
_NEVER_READ = _names(*_LARGE)
_SOURCE = re.compile(r"(?:.*/)?(?:src/[^/]+\.py|src/[^/]+/__init__\.py|requirements/[^/]+\.(?:txt|in))")
_FOREIGN = re.compile(r"(?:.*/)?(?:node_modules|site-packages|\.venv|\.git)/.*")


def decides_setup(path: str) -> bool:
    """Whether a file can change what must be installed."""
    return bool(_SETUP.match(posixpath.basename(path)) or re.search(r"(?:^|/)requirements/[^/]+\.(?:txt|in)$", path))


def is_python_test(path: str) -> bool:
    """Whether a file is named as pytest looks for tests."""
    return bool(_TESTS.match(posixpath.basename(path)))


def is_foreign(path: str) -> bool:
    """Whether a file belongs to an installed package and not to the repository."""
    return bool(_FOREIGN.fullmatch(path))


def is_listed(name: str) -> bool:
    """Whether a file is one of those that matter; ``../`` in its name leads to a folder above."""
    base = posixpath.basename(name)
    if name.startswith("../"):
        # Above the folder only what lies in its own ancestors; what lies beside it is other people's.
        return not name.replace("../", "").count("/") and bool(_LISTED.match(base))
    return bool(_LISTED.match(base) or _SOURCE.fullmatch(name))


def is_read(name: str) -> bool:
    """Whether a file's text tells something; that of a lock file does not, it only is there."""
    if name.endswith(".py") and posixpath.basename(name) not in ("setup.py", "noxfile.py"):
        return False
    return not _NEVER_READ.match(posixpath.basename(name))
