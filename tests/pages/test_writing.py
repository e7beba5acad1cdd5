"""A page is put on the disk whole or not at all."""

from pathlib import Path

import pytest

from repo_agent_dagster.pages.writing import write_whole


def test_a_page_replaces_the_old_one_and_is_for_all_to_read(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "v1.html"

    write_whole(page, "old")
    write_whole(page, "new\n")

    assert page.read_bytes() == b"new\n"
    assert page.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_page_and_nothing_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "v1.html"
    write_whole(page, "old")

    with pytest.raises(TypeError):
        write_whole(page, b"not text")  # type: ignore[arg-type]  # the wrong type is the failure under test

    assert page.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["v1.html"]
