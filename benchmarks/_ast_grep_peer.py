"""The peer of a migration: `cp -r`, then the `ast-grep` CLI with rules that rewrite the same specifiers.

It does less: no journal, no provenance, and a rule cannot re-base a relative path, so it changes those to themselves.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

_LANGUAGES = ("TypeScript", "Tsx", "JavaScript")
_PLACES = [
    {"kind": "import_statement"},
    {"kind": "export_statement"},
    {"kind": "import_require_clause"},
    {
        "kind": "arguments",
        "inside": {"kind": "call_expression", "has": {"field": "function", "regex": "^(import|require|jest|vi)"}},
    },
]
_CHANGES = (
    (r"^\.\./\.\./utils$", "utils", "", "@shared/utils"),
    (r"^@staging/", "^@staging/", "@app/", None),
    (r"^(\.\./)+lib/", r"^(\.\./)+lib/", "@lib/", None),
    (r"^\.\.?/", r"^", "", None),
)


def find_ast_grep() -> str | None:
    """Return the CLI's path (package `ast-grep-cli`), beside this Python or on PATH; None where it is missing."""
    beside = Path(sys.executable).with_name("ast-grep")
    return str(beside) if beside.exists() else shutil.which("ast-grep")


def write_rules(path: Path) -> None:
    """Write the import rules of the unit's manifest as rules of ast-grep, one document each."""
    documents = []
    for language in _LANGUAGES:
        places = [place for place in _PLACES if language != "JavaScript" or place["kind"] != "import_require_clause"]
        for number, (regex, replace, by, whole) in enumerate(_CHANGES):
            rule = {
                "id": f"{language.lower()}-{number}",
                "language": language,
                "rule": {
                    "pattern": "$TEXT",
                    "kind": "string_fragment",
                    "regex": regex,
                    "inside": {"kind": "string", "inside": {"any": places}},
                },
                "transform": {"NEW": {"replace": {"source": "$TEXT", "replace": replace, "by": by}}},
                "fix": whole or "$NEW",
            }
            documents.append(json.dumps(rule))
    path.write_text("\n---\n".join(documents))


def run_ast_grep(command: str, rules: Path, tree: Path) -> int:
    """Rewrite the tree in place; return how many changes it says it made."""
    done = subprocess.run(
        [command, "scan", "--rule", rules, "--update-all", tree], check=True, capture_output=True, text=True
    )
    told = re.search(r"Applied (\d+) changes", done.stdout + done.stderr)
    return int(told[1]) if told else 0
