"""What a file is for, in one line: what it says itself, else what it offers, else what its name says."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory.comments import first_sentence, shortened
from repo_agent_dagster.migration.inventory.facts import Export, SourceFacts
from repo_agent_dagster.migration.inventory.model import FileKind

_KNOWN = {
    "package.json": "npm package description", "tsconfig.json": "TypeScript settings",
    "jsconfig.json": "JavaScript settings of editors", "wrangler.toml": "Cloudflare worker configuration",
    "wrangler.json": "Cloudflare worker configuration", "wrangler.jsonc": "Cloudflare worker configuration",
    "dockerfile": "container image recipe", "makefile": "make targets", "go.mod": "Go module description",
    "pyproject.toml": "Python project description", "requirements.txt": "Python requirements",
    ".gitignore": "files that git ignores", ".dockerignore": "files that Docker ignores",
    "conftest.py": "pytest fixtures",
    ".dev.vars": "secrets for local development", ".env": "environment variables",
}  # fmt: skip
_KINDS: dict[FileKind, str] = {"lock": "locked versions of packages", "binary": "binary file", "asset": "asset"}
_MOST_NAMES = 6


def purpose_of(path: str, language: str, kind: FileKind, facts: SourceFacts, cases: int | None) -> tuple[str, str]:
    """Return a file's purpose and where it was found; `cases` is the number of test cases of a test, else None."""
    for text, origin in ((facts.docstring, "docstring"), (facts.head, "head comment"), (facts.title, "title")):
        if text and (sentence := first_sentence(text)):
            return sentence, origin
    if cases:
        return f"tests: {cases} case{'' if cases == 1 else 's'}", "tests"
    told = _commented(path, facts.exports)
    if told is not None and told.comment is not None:
        return shortened(f"{told.name}: {first_sentence(told.comment)}"), "comment of an export"
    if facts.exports:
        return f"offers {_names([export.name for export in facts.exports])}", "exports"
    if facts.definitions:
        return f"defines {_names(facts.definitions)}", "definitions"
    return _by_name(path, language, kind), "name"


def _commented(path: str, exports: Sequence[Export]) -> Export | None:
    """Return the export that tells best what the file is for: the one named like the file, else the first."""
    stem = _bare(PurePosixPath(path).name.partition(".")[0])
    commented = [export for export in exports if export.comment and first_sentence(export.comment)]
    return next((export for export in commented if _bare(export.name) == stem), commented[0] if commented else None)


def _bare(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _names(names: Sequence[str]) -> str:
    unique = list(
        dict.fromkeys({"*": "all of another module", "default": "a default export"}.get(name, name) for name in names)
    )
    more = f" and {len(unique) - _MOST_NAMES} more" if len(unique) > _MOST_NAMES else ""
    return shortened(", ".join(unique[:_MOST_NAMES])) + more


def _by_name(path: str, language: str, kind: FileKind) -> str:
    name = PurePosixPath(path).name.lower()
    if name in _KNOWN:
        return _KNOWN[name]
    if kind in _KINDS:
        return _KINDS[kind]
    if name.startswith("tsconfig"):
        return "TypeScript settings"
    return f"{language}: {shortened(PurePosixPath(path).stem.replace('_', ' ').replace('-', ' ').strip() or name, 60)}"
