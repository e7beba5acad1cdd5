"""Files that people write: hostile ones end in an error with a place, and every part's place is known."""

from pathlib import Path

import pytest

from repo_agent_dagster.migration.documents.document import Document, DocumentError, read_document
from repo_agent_dagster.migration.inventory.structured_files import read_yaml


def document(tmp_path: Path, text: str, name: str = "file.yaml") -> Document:
    path = tmp_path / name
    path.write_text(text)
    return read_document(path, "file")


@pytest.mark.parametrize("text", ["[" * 300_000, "{a: " * 200_000, "- " * 300_000, "[" * 201 + "]" * 201])
def test_yaml_that_is_nested_without_end_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(DocumentError, match=r"file.yaml:1:\d+: not valid YAML: nested more than 200 deep"):
        document(tmp_path, text)

    assert "nested more than 200 deep" in (read_yaml(text).problem or "")


def test_json_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"file\.json: not JSON: nested too deeply"):
        document(tmp_path, "[" * 300_000, "file.json")


def test_aliases_of_aliases_cost_no_more_than_they_are_written(tmp_path: Path) -> None:
    text = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))

    assert document(tmp_path, text).content["a0"] == {"x": 1}


def test_a_key_given_twice_is_refused_at_any_depth(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"file.yaml:3:5: 'c' is given twice; the first is in line 2"):
        document(tmp_path, "a:\n  - c: 1\n    c: 2\n")


def test_a_message_points_at_a_value_or_its_key_or_the_nearest_thing_around_it(tmp_path: Path) -> None:
    found = document(tmp_path, "a:\n  - b: 1\n    c: 2\n")

    assert found.told(("a", 0, "c"), "wrong") == f"{found.path}:3:8: a[0].c: wrong"
    assert found.told(("a", 0, "c"), "wrong", of_key=True) == f"{found.path}:3:5: a[0].c: wrong"
    assert found.told(("a", 0, "d"), "wrong") == f"{found.path}:2:5: a[0].d: wrong"


def test_a_mappings_own_key_is_pointed_at_not_the_one_that_it_merges_in(tmp_path: Path) -> None:
    found = document(tmp_path, "base: &base\n  k: 1\nown:\n  <<: *base\n  k: 2\n")

    assert found.content["own"] == {"k": 2}
    assert found.told(("own", "k"), "wrong") == f"{found.path}:5:6: own.k: wrong"
