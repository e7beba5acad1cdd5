"""Prompts come from templates: complete, the same for the same, and with files that cannot break out of their fence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repo_agent_dagster.ai import PromptBroken
from repo_agent_dagster.ai.prompting import numbered, rendered
from repo_agent_dagster.ai.proposed_patches import ProposedBatch
from repo_agent_dagster.pages.markdown_text import fenced

LEFT: dict[str, Any] = {
    "unit": "shop",
    "destination": "apps/shop",
    "orchestrator": "services/rows",
    "binding": "ROWS",
    "database": "DB",
    "places": [{"file": "apps/shop/a.ts", "line": 2, "reason": "an identifier is interpolated", "code": "db.q(`x`)"}],
    "statements": [{"file": "apps/shop/a.ts", "line": 2, "sql": "SELECT *\nFROM items", "bindings": ["id"]}],
    "tables": ["items"],
    "methods": ["listItems(): Promise<ItemRow[]>"],
    "generated": ["services/rows/src/rpc/shop.ts"],
    "files": {"apps/shop/a.ts": "const a = 1;\n  db.q(`x`);\n", "services/rows/src/rpc/shop.ts": "export {};\n"},
    "allowed": ["apps/shop", "services/rows"],
}


def test_the_prompt_shows_what_was_left_with_numbered_files() -> None:
    prompt = rendered("d1_to_rpc", LEFT)

    assert "1. `apps/shop/a.ts:2`: an identifier is interpolated" in prompt
    assert "    1| const a = 1;\n    2|   db.q(`x`);\n```" in prompt
    assert "- `listItems(): Promise<ItemRow[]>`" in prompt
    assert "`apps/shop`, `services/rows`" in prompt
    assert prompt == rendered("d1_to_rpc", LEFT)


def test_without_an_entrypoint_the_prompt_says_where_to_make_one() -> None:
    prompt = rendered("d1_to_rpc", LEFT | {"generated": [], "methods": [], "statements": [], "tables": []})

    assert "- `services/rows/src/rpc/shop.ts`: the entrypoint class" in prompt
    assert "- `apps/shop/src/rows-rpc.ts`: the interface" in prompt
    assert "No methods yet." in prompt


def test_the_example_in_the_prompt_is_an_answer_that_is_taken() -> None:
    (example,) = re.findall(r"```json\n(.*?)\n```", rendered("d1_to_rpc", LEFT), re.DOTALL)

    assert len(ProposedBatch.model_validate(json.loads(example)).patches) == 3


@pytest.mark.parametrize("missing", sorted(LEFT))
def test_a_value_that_is_missing_is_a_fault_not_an_empty_place(missing: str) -> None:
    context = {name: value for name, value in LEFT.items() if name != missing}
    if missing in {"orchestrator"}:
        context["generated"] = []

    with pytest.raises(PromptBroken, match=missing):
        rendered("d1_to_rpc", context)


def test_an_unknown_template_is_a_fault() -> None:
    with pytest.raises(PromptBroken, match="nowhere"):
        rendered("nowhere", {})


def test_lines_are_numbered_as_patches_count_them() -> None:
    assert numbered("\ufeffa\r\nb\x0cc\u2028d\r\n") == "    1| a\n    2| b\x0cc\u2028d"


@given(st.text(alphabet="`a\n"))
def test_no_text_closes_its_fence(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")

    assert first == last
    assert "\n".join(inside) == text
    assert first not in text


def test_every_template_tells_its_context() -> None:
    for template in Path("repo_agent_dagster/ai/prompts").glob("*.md.j2"):
        assert template.read_text().startswith("{#"), template
