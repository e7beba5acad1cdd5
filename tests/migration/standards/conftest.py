"""Rules written for a test, and small trees to check by them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from repo_agent_dagster.migration.standards import Rule, load_rules

Load = Callable[..., tuple[Rule, ...]]
Files = Mapping[str, str | bytes]

NO_ALERT = """\
id: no-alert
title: No alert
why: It stops the page.
level: error
message: "alert($TEXT) stops the page"
rule: {pattern: alert($TEXT)}
fix: {template: notify($TEXT), safe: true}
examples:
  good: ["notify('x');\\n"]
  bad: [{code: "alert('x');\\n", fixed: "notify('x');\\n"}]
"""


def as_bytes(files: Files) -> dict[str, bytes]:
    return {path: content.encode() if isinstance(content, str) else content for path, content in files.items()}


@pytest.fixture(scope="session")
def built_in() -> tuple[Rule, ...]:
    return load_rules()


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return the rules of a file with this text, without the built-in ones."""

    def write_and_load(text: str, name: str = "rules.yaml") -> tuple[Rule, ...]:
        path = tmp_path / name
        path.write_text(text)
        return tuple(rule for rule in load_rules([path]) if rule.origin == str(path))

    return write_and_load
