"""Shell commands that show a failure again, made of what its log says: data, so quoted, one line each, or left out.

What a log calls its command is only taken over where each of its words can be quoted and its program is one that
builds, tests or checks; a log line cannot make a command that does something else as well.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping

from repo_agent_dagster.ops.analysis.model import Failure, Incident
from repo_agent_dagster.redaction import redact

MAX_COMMANDS = 6
MAX_CHARACTERS = 500

_SHA = re.compile(r"[0-9a-f]{7,64}")
_PROGRAMS = frozenset({
    "ant", "ava", "bandit", "bazel", "bazelisk", "biome", "black", "bun", "bundle", "cargo", "cmake", "composer",
    "coverage", "ctest", "cypress", "deno", "detekt", "docker", "dotnet", "eslint", "flake8", "flutter", "go",
    "golangci-lint", "gradle", "gradlew", "hadolint", "hatch", "helm", "isort", "jest", "ktlint", "make",
    "markdownlint", "meson", "mix", "mocha", "msbuild", "mvn", "mvnw", "mypy", "next", "ninja", "node", "nox",
    "npm", "npx", "nx", "pdm", "phpunit", "pip", "pip3", "pipenv", "playwright", "pnpm", "poetry", "pre-commit",
    "prettier", "pylint", "pyright", "pytest", "python", "python3", "rake", "rspec", "rubocop", "ruff", "sbt",
    "shellcheck", "stylelint", "swift", "terraform", "tflint", "tofu", "tox", "tsc", "turbo", "uv", "vite",
    "vitest", "wrangler", "yamllint", "yarn",
})  # fmt: skip
# These take any text as code.
_INTERPRETERS = frozenset({"bash", "sh", "zsh", "dash", "node", "deno", "bun", "python", "python3", "perl", "ruby"})
_CODE = frozenset({"-c", "-e", "-p", "--eval", "--print"})
_OPERATORS = re.compile(r"[;|<>`$(){}*?\[\]~#!\\&\n\r]")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w{0,60}|\{[A-Za-z_]\w{0,60}\})")
_WITH_VARIABLE = re.compile(rf"[\w@%+=:,./-]*{_VARIABLE.pattern}(?:[\w@%+=:,./-]|{_VARIABLE.pattern})*")
_METHOD = re.compile(r"[A-Z]{3,7}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?::\d{1,5})?(?:/[^\s\"'<>\\^`{|}]{0,400})?")
_PYTEST_ID = re.compile(r"[\w./-]{1,300}\.py(?:::.{1,200})?")
_PLAYWRIGHT_PLACE = re.compile(r"[\w.-][\w./-]{0,300}\.[cm]?[jt]sx?(?::\d+){0,2}")
_GO_NAME = re.compile(r"[A-Za-z_]\w{0,200}(?:/\S{1,200})?")
_Maker = Callable[[Failure, str], Iterator[str]]

_ARROWS = re.compile(r" [›>»] ")


def commands(incident: Incident) -> tuple[str, ...]:
    """Return the commands in order: the commit, the one test or check by itself, then what the job ran."""
    failure = incident.first
    if failure.place.kind == "worker":
        found = [_request(failure)]
    else:
        told = [*_told(failure.command)]
        whole = _WHOLE.get(failure.tool or "") if not told else None
        found = [*_checkout(incident), *_narrowed(failure), *told, whole]
    fit = (redact(one) for one in found if one and one.isprintable())
    return tuple(dict.fromkeys(one for one in fit if len(one) <= MAX_CHARACTERS))[:MAX_COMMANDS]


def _checkout(incident: Incident) -> Iterator[str]:
    failure = incident.first
    shas = [failure.job.sha if failure.job else None, failure.meta.get("sha"), *(run.sha for run in incident.runs)]
    sha = next((one for one in shas if isinstance(one, str) and _SHA.fullmatch(one)), None)
    if sha:
        yield f"git fetch origin {sha}"
        yield f"git checkout {sha}"


def _told(command: str | None) -> Iterator[str]:
    """Yield what the job ran, where it is a plain call, or some joined by ``&&``."""
    for part in (command or "").split("&&"):
        try:
            words = shlex.split(part)
        except ValueError:  # a quotation that does not end
            return
        if not _is_plain(part, words):
            return
        # A variable stays one, unless it was quoted: it is the environment's, and nothing is run for it.
        yield shlex.join(words) if "'" in part else " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    return f'"{word}"' if _WITH_VARIABLE.fullmatch(word) else shlex.quote(word)


def _is_plain(text: str, words: list[str]) -> bool:
    outside = re.sub(r"'[^']*'", "", text)
    if "'" not in text:
        outside = _VARIABLE.sub("", outside)
    if _OPERATORS.search(outside) or not words:
        return False
    program, *rest = words
    name = program.removeprefix("./")
    runs_code = not _INTERPRETERS.isdisjoint(words) and not _CODE.isdisjoint(rest)
    return name in _PROGRAMS and not runs_code


def _narrowed(failure: Failure) -> Iterator[str]:
    """Yield the tool's own command for the one test, or for the one file."""
    tool = failure.tool or ""
    if failure.test and tool in _BY_TEST:
        yield from _BY_TEST[tool](failure, failure.test)
    elif tool in _BY_FILE and (file := _own_file(failure)):
        yield shlex.join([*_BY_FILE[tool], file])


def _own_file(failure: Failure) -> str | None:
    """Return the file of the first anchor, when it is a plain path inside the repository."""
    file = failure.anchors[0].file if failure.anchors else ""
    plain = file.removeprefix("./")
    is_inside = plain and not plain.startswith(("/", "-", "~")) and ".." not in plain.split("/") and ":" not in plain
    return plain if is_inside else None


def _pytest(failure: Failure, test: str) -> Iterator[str]:
    if _PYTEST_ID.fullmatch(test) and not test.startswith(("/", "-")):
        yield shlex.join(["python", "-m", "pytest", test])
    elif re.fullmatch(r"[\w.]{1,200}(?:\[.{1,200}\])?", test):  # only its name is known
        name = re.split(r"[.\[]", test)[-1 if "[" not in test else 0]
        file = _own_file(failure)
        yield shlex.join(["python", "-m", "pytest", *([file] if file and file.endswith(".py") else []), "-k", name])


def _unittest(_failure: Failure, test: str) -> Iterator[str]:
    if re.fullmatch(r"[A-Za-z_]\w*(?:\.\w+){0,20}", test):
        yield shlex.join(["python", "-m", "unittest", test])


def _by_name(*call: str, name: str, own_file: bool = True) -> _Maker:
    def commands_of(failure: Failure, test: str) -> Iterator[str]:
        first, *rest = _ARROWS.split(test)
        is_file = "/" in first or re.search(r"\.[cm]?[jt]sx?$", first) is not None
        file = first if is_file else (_own_file(failure) or "")
        title = " ".join(rest if is_file else [first, *rest]).strip()
        if file.startswith(("-", "/")):
            file = ""
        yield shlex.join([*call, *([file] if file and own_file else []), *([name, title] if title else [])])

    return commands_of


def _playwright(_failure: Failure, test: str) -> Iterator[str]:
    parts = _ARROWS.split(test)
    place = next((part for part in parts if _PLAYWRIGHT_PLACE.fullmatch(part) and not part.startswith("-")), None)
    title = [] if place and place[-1].isdigit() else ["-g", parts[-1]]
    yield shlex.join(["npx", "playwright", "test", *([place] if place else []), *title])


def _go_test(_failure: Failure, test: str) -> Iterator[str]:
    if _GO_NAME.fullmatch(test):
        pattern = "/".join(f"^{re.escape(part)}$" for part in test.split("/"))
        yield shlex.join(["go", "test", "./...", "-run", pattern])


def _cargo_test(_failure: Failure, test: str) -> Iterator[str]:
    if re.fullmatch(r"\w[\w:]{0,300}", test):
        yield shlex.join(["cargo", "test", test])
    elif re.fullmatch(r"[\w./-]{1,300}", test):
        yield "cargo test --doc"


def _by_class(call: str, *, separator: str) -> _Maker:
    def commands_of(_failure: Failure, test: str) -> Iterator[str]:
        found = re.fullmatch(r"([\w.$\\]{1,300}?)(?:[.#]|::| > )(\w{1,200})(?:\(.*\))?", test)
        if found:
            yield f"{call}{shlex.quote(f'{found[1]}{separator}{found[2]}')}"

    return commands_of


def _request(failure: Failure) -> str | None:
    """Return the request that a worker's line tells of, as a call of curl; what is not known is not made up."""
    request = failure.meta.get("request")
    told = request if isinstance(request, dict) else failure.meta
    url, method = told.get("url"), told.get("method")
    if not isinstance(url, str) or not _URL.fullmatch(url):
        return None
    verb = method.upper() if isinstance(method, str) else ""
    # Another method may change something: it is shown, and whoever runs it decides about the body it lacks.
    chosen = ["-X", verb] if _METHOD.fullmatch(verb) and verb != "GET" else []
    return shlex.join(["curl", "-sS", "-i", *chosen, url])


_BY_TEST: Mapping[str, _Maker] = {
    "pytest": _pytest,
    "unittest": _unittest,
    "jest": _by_name("npx", "jest", name="-t"),
    "vitest": _by_name("npx", "vitest", "run", name="-t"),
    "mocha": _by_name("npx", "mocha", name="--grep", own_file=False),
    "node:test": _by_name("node", "--test", name="--test-name-pattern", own_file=False),
    "playwright": _playwright,
    "go test": _go_test,
    "cargo test": _cargo_test,
    "surefire": _by_class("mvn test -Dtest=", separator="#"),
    "phpunit": _by_class("vendor/bin/phpunit --filter ", separator="::"),
    "dotnet test": _by_class("dotnet test --filter FullyQualifiedName~", separator="."),
    "gradle test": _by_class("./gradlew test --tests ", separator="."),
}
_BY_FILE: Mapping[str, tuple[str, ...]] = {
    "eslint": ("npx", "eslint"),
    "prettier": ("npx", "prettier", "--check"),
    "stylelint": ("npx", "stylelint"),
    "biome": ("npx", "biome", "check"),
    "mypy": ("python", "-m", "mypy"),
    "pyright": ("npx", "pyright"),
    "ruff": ("ruff", "check"),
    "flake8": ("python", "-m", "flake8"),
    "pylint": ("python", "-m", "pylint"),
    "black": ("black", "--check", "--diff"),
    "isort": ("isort", "--check", "--diff"),
    "shellcheck": ("shellcheck",),
    "hadolint": ("hadolint",),
    "yamllint": ("yamllint",),
    "rubocop": ("bundle", "exec", "rubocop"),
}
_WHOLE: Mapping[str, str] = {
    "tsc": "npx tsc --noEmit",
    "cargo": "cargo build --all-targets",
    "rustc": "cargo build --all-targets",
    "clippy": "cargo clippy --all-targets -- -D warnings",
    "rustfmt": "cargo fmt --check",
    "go": "go build ./...",
    "go vet": "go vet ./...",
    "gofmt": "gofmt -l .",
    "golangci-lint": "golangci-lint run",
    "javac": "mvn -q compile",
    "terraform": "terraform validate",
}
