"""Which TypeScript projects a workspace has: that of its root's tsconfig.json, and those that this one refers to."""

import hashlib
import json
import posixpath
import re
from typing import Any

from repo_agent_dagster.patching.checks.bench import Seen

_MOST = 200
# A string, or what JSON with comments has beside JSON: comments, and commas before a closing bracket.
_TOKEN = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/|,(?=\s*(?:(?://[^\n]*|/\*.*?\*/)\s*)*[}\]])', re.DOTALL)


def type_projects(seen: Seen) -> list[str]:
    """Return the tsconfig files to check by, relative to the workspace; none where the root has no tsconfig.json.

    One that has no files of its own and only refers to others is left out.
    """
    projects: list[str] = []
    pending, met = ["tsconfig.json"], {"tsconfig.json"}
    while pending and len(met) <= _MOST:
        project = pending.pop(0)
        content = seen.read(project)
        if content is None:
            continue
        config = _parsed(content.decode("utf-8-sig", "replace"))
        references = [_target(project, reference, seen) for reference in _list(config.get("references"))]
        pending += [one for one in references if one not in met]
        met.update(references)
        if not (references and config.get("files") == [] and "include" not in config):
            projects.append(project)
    return projects


def build_info_of(project: str) -> str:
    """Return the name of the file that keeps a project's incremental build information."""
    return f"tsc-{hashlib.sha256(project.encode()).hexdigest()[:16]}.tsbuildinfo"


def _target(project: str, reference: Any, seen: Seen) -> str:
    named = reference.get("path", "") if isinstance(reference, dict) else ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(project), str(named)))
    return path if path in seen.tree.entries else posixpath.normpath(f"{path}/tsconfig.json")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parsed(text: str) -> dict[str, Any]:
    """Return a tsconfig's content; empty where it cannot be read: tsc tells what is wrong with it."""
    try:
        value = json.loads(_TOKEN.sub(lambda token: token[1] or "", text))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
