"""Which language a file is in, by its name, its ending or its first line; and whether it is text at all."""

from pathlib import PurePosixPath

from repo_agent_dagster.migration.inventory.model import FileKind

_BY_SUFFIX: dict[str, tuple[str, FileKind]] = {
    ".ts": ("TypeScript", "code"), ".mts": ("TypeScript", "code"), ".cts": ("TypeScript", "code"),
    ".tsx": ("TSX", "code"), ".jsx": ("JSX", "code"),
    ".js": ("JavaScript", "code"), ".mjs": ("JavaScript", "code"), ".cjs": ("JavaScript", "code"),
    ".py": ("Python", "code"), ".pyi": ("Python", "code"), ".go": ("Go", "code"),
    ".rs": ("Rust", "code"), ".java": ("Java", "code"), ".rb": ("Ruby", "code"), ".php": ("PHP", "code"),
    ".c": ("C", "code"), ".h": ("C", "code"), ".cc": ("C++", "code"), ".cpp": ("C++", "code"), ".cs": ("C#", "code"),
    ".vue": ("Vue", "code"), ".svelte": ("Svelte", "code"), ".astro": ("Astro", "code"),
    ".sh": ("Shell", "code"), ".bash": ("Shell", "code"), ".zsh": ("Shell", "code"), ".ps1": ("PowerShell", "code"),
    ".sql": ("SQL", "code"), ".html": ("HTML", "code"), ".htm": ("HTML", "code"),
    ".css": ("CSS", "code"), ".scss": ("SCSS", "code"), ".less": ("Less", "code"),
    ".graphql": ("GraphQL", "code"), ".proto": ("Protobuf", "code"),
    ".json": ("JSON", "config"), ".jsonc": ("JSON", "config"), ".json5": ("JSON", "config"),
    ".yaml": ("YAML", "config"), ".yml": ("YAML", "config"), ".toml": ("TOML", "config"), ".ini": ("INI", "config"),
    ".cfg": ("INI", "config"), ".env": ("Environment", "config"), ".xml": ("XML", "config"),
    ".mod": ("Go module", "config"), ".tf": ("Terraform", "config"),
    ".md": ("Markdown", "docs"), ".mdx": ("Markdown", "docs"), ".rst": ("reStructuredText", "docs"),
    ".txt": ("Text", "docs"), ".adoc": ("AsciiDoc", "docs"),
    ".csv": ("CSV", "data"), ".tsv": ("CSV", "data"),
    ".jsonl": ("JSON lines", "data"), ".ndjson": ("JSON lines", "data"),
    ".svg": ("SVG", "asset"), ".map": ("Source map", "asset"),
}  # fmt: skip
_BY_NAME: dict[str, tuple[str, FileKind]] = {
    "dockerfile": ("Dockerfile", "config"), "containerfile": ("Dockerfile", "config"),
    "makefile": ("Makefile", "config"), "justfile": ("Makefile", "config"),
    "license": ("Text", "docs"), "licence": ("Text", "docs"), "copying": ("Text", "docs"), "notice": ("Text", "docs"),
    "readme": ("Text", "docs"), "changelog": ("Text", "docs"), "authors": ("Text", "docs"),
    ".gitignore": ("Ignore list", "config"), ".dockerignore": ("Ignore list", "config"),
    ".npmignore": ("Ignore list", "config"), ".prettierignore": ("Ignore list", "config"),
    ".editorconfig": ("INI", "config"), ".npmrc": ("INI", "config"), ".nvmrc": ("Text", "config"),
    ".prettierrc": ("JSON", "config"), ".eslintrc": ("JSON", "config"), ".dev.vars": ("Environment", "config"),
    "procfile": ("Text", "config"),
}  # fmt: skip
LOCK_FILES = frozenset(
    {
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
        "poetry.lock", "uv.lock", "pipfile.lock", "pdm.lock", "go.sum", "cargo.lock", "deno.lock", "composer.lock",
    }
)  # fmt: skip
"""Names of lock files, in lower case."""

_INTERPRETERS = {
    "node": "JavaScript", "bun": "JavaScript", "deno": "TypeScript", "python": "Python", "sh": "Shell", "bash": "Shell",
    "zsh": "Shell", "dash": "Shell", "ruby": "Ruby", "php": "PHP",
}  # fmt: skip


def classify(path: str, content: bytes) -> tuple[str, FileKind]:
    """Return a file's language and kind; files that hold NUL bytes in their first 8 KiB are binary."""
    name = PurePosixPath(path).name.lower()
    if b"\0" in content[:8192]:
        return "Binary", "lock" if name in LOCK_FILES else "binary"
    if name in LOCK_FILES:
        return "Lock file", "lock"
    known = _by_name(name)
    if known is not None:
        return known
    interpreter = _interpreter(content)
    return (interpreter, "code") if interpreter else ("Other text", "data")


def _by_name(name: str) -> tuple[str, FileKind] | None:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith((".env.", ".dev.vars")) or name == ".env":
        return "Environment", "config"
    if name.startswith(("dockerfile.", "containerfile.")) or name.endswith(".dockerfile"):
        return "Dockerfile", "config"
    return _BY_SUFFIX.get(PurePosixPath(name).suffix)


def _interpreter(content: bytes) -> str | None:
    if not content.startswith(b"#!"):
        return None
    words = content[:200].split(b"\n", 1)[0][2:].decode("latin-1").split()
    names = [PurePosixPath(word).name for word in words if not word.startswith("-")]
    program = next((name for name in names if name != "env" and "=" not in name), "")
    return _INTERPRETERS.get(program.rstrip("0123456789."))
