"""A unit as a whole: licences, the estimate and its reasons, what is counted and not parsed, speed."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.inventory import describe, inventory_metadata
from repo_agent_dagster.migration.inventory.estimate import RULES
from repo_agent_dagster.migration.units.contents import UnitContents, UnitFile, read_unit
from repo_agent_dagster.packaged import packaged_path
from tests.migration.inventory.conftest import Described, DescribedFile

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\nof this software"


def test_a_files_licence_is_its_own_line_else_the_nearest_file_that_states_one(described: Described) -> None:
    files = {
        "LICENSE": MIT,
        "a.ts": "export const a = 1;",
        "b.ts": "// SPDX-License-Identifier: Apache-2.0 OR MIT\n",
        "sub/package.json": '{"license": "ISC"}',
        "sub/deep/c.ts": "",
    }
    licences = {file.path: (file.licence, file.licence_from) for file in described(files).files}

    assert licences["a.ts"] == ("MIT", "LICENSE")
    assert licences["b.ts"] == ("Apache-2.0 OR MIT", "b.ts")
    assert licences["sub/deep/c.ts"] == ("ISC", "sub/package.json")


BSD = "Copyright Bob\n\nRedistribution and use in source\nand binary forms, with or without modification, are permitted"


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("MIT License\n\nCopyright (c) 2026 Bob\n", "MIT"),
        (MIT, "MIT"),
        ("   Apache License\n   Version 2.0, January 2004\n ... GNU General Public License", "Apache-2.0"),
        ("Mozilla Public License Version 2.0\n... the GNU Affero General Public License, Version 3.0,", "MPL-2.0"),
        (BSD, "BSD-2-Clause"),
        (f"{BSD}\n 3. Neither the name of Bob nor the names of his friends", "BSD-3-Clause"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3\n GNU General Public License version 3", "LGPL-3.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
    ],
)  # fmt: skip
def test_a_licence_is_recognised_by_what_its_text_says_first(described: Described, text: str, licence: str) -> None:
    assert described({"LICENSE": text, "a.ts": ""}).licences[0].name == licence


def test_a_licence_that_is_not_known_is_said_to_be_its_own_and_none_is_none(described: Described) -> None:
    assert described({"LICENSE": "Ask Bob.", "a.ts": ""}).licences[0].name == "a licence of its own"
    assert described({"x.ts": ""}).licences[0].name is None


def test_the_estimate_is_the_sum_of_reasons_that_are_told(described_file: DescribedFile) -> None:
    text = "import '../out';\nimport 'left-pad';\nimport { Database } from 'bun:sqlite';\n"
    text += "export const a = db.query('SELECT 1');\n"
    estimate = described_file("a.ts", text, {"b.ts": "import './a';"}).estimate

    assert [(one.side, one.points, one.why) for one in estimate.reasons] == [
        ("value", 1, "1 export"),
        ("value", 1, "imported by 1 file"),
        ("effort", 1, "4 lines"),
        ("effort", 1, "1 local import without a file"),
        ("effort", 1, "not declared: left-pad"),
        ("effort", 3, "local database: sqlite"),
        ("effort", 1, "1 SQL statement"),
    ]
    assert (estimate.value, estimate.effort) == (2, 7)


def test_code_that_a_test_imports_is_less_effort(described_file: DescribedFile) -> None:
    code = "export const a = 1;\n" * 60
    tested = described_file("a.ts", code, {"a.test.ts": "import './a';\nit('x', () => {});\n"})

    assert "no test imports it" not in [one.why for one in tested.estimate.reasons]
    assert "no test imports it" in [one.why for one in described_file("b.ts", code).estimate.reasons]


def test_a_unit_without_tests_and_licence_is_more_effort(described: Described) -> None:
    whys = [one.why for one in described({"a.ts": "export const a = 1;"}).estimate.reasons]

    assert {"no test in the unit", "no licence in the unit"} <= set(whys)
    assert described({"README.md": "# x"}).estimate.effort == 0


def test_the_documentation_states_every_rule_of_the_estimate() -> None:
    page = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text()

    for rule in RULES:
        assert f"| {rule.side} | {rule.fact} | {rule.points} |" in page


def test_huge_and_binary_files_are_counted_and_not_parsed(described: Described) -> None:
    files = {
        "huge.ts": "export const a = 1;\n" * 60_000,
        "b.bin": b"\0\1\2",
        "notes.txt": "\0",
        "utf16.ts": "a".encode("utf-16"),
    }
    found = {file.path: file for file in described(files).files}

    assert found["huge.ts"].lines == 60_000
    assert found["huge.ts"].exports == ()
    assert "counted and not parsed" in found["huge.ts"].notes[0]
    assert (found["b.bin"].kind, found["b.bin"].size, found["b.bin"].lines) == ("binary", 3, 0)
    assert found["notes.txt"].kind == "binary"
    assert found["utf16.ts"].kind == "binary"


def test_code_that_cannot_be_parsed_has_a_note_with_its_line(described: Described) -> None:
    files = {"a.ts": "export const a = ;;; }{\n", "b.py": "x = 1\ndef (:\n", "c.go": "package c\nfunc {\n"}
    notes = {file.path: file.notes for file in described(files).files}

    assert notes["a.ts"][0].startswith("line 1: ")
    assert notes["b.py"][0].startswith("line 2: not Python")
    assert notes["c.go"][0].startswith("line ")


def test_what_does_not_migrate_is_listed_as_left_out(tmp_path: Path) -> None:
    (tmp_path / "u").mkdir()
    (tmp_path / "u" / "a.ts").write_text("")
    (tmp_path / "u" / "link").symlink_to("/etc/passwd")

    assert describe(read_unit(tmp_path / "u")).left_out[0][0] == "link"


def test_the_example_unit_is_described_as_a_person_would() -> None:
    inventory = describe(read_unit(packaged_path("examples") / "STAGING" / "feedback-worker"))

    assert inventory.kind == "app"
    assert inventory.purpose.startswith("A small HTTP worker that stores feedback")
    assert {one.kind for one in inventory.databases} == {"sqlite", "sql"}
    assert [one.name for one in inventory.packages if one.status == "undeclared"] == ["@vendor/contracts"]
    assert {one.specifier for _, one in inventory.unresolved} == {
        *("../../utils", "../../utils/http", "../../../utils/http", "../../../utils/time"),
    }


def test_an_inventory_and_its_metadata_are_json(described: Described) -> None:
    inventory = described({"a.ts": "import './b';", "b.ts": "export const b = 1;", "package.json": "{}"})

    told = json.loads(json.dumps(inventory.to_json()))
    assert told["totals"]["files"] == 3
    assert told["files"][0]["estimate"]["reasons"]
    metadata = json.loads(json.dumps(inventory_metadata(inventory)))
    assert [row["file"] for row in metadata["files"]] == [file.path for file in inventory.files]
    assert {frozenset(row) for row in metadata["files"]} == {frozenset(metadata["files"][0])}


_WORDS = st.sampled_from(
    ["export ", "import ", "from ", "'./a'", '"', "`", "{", "}", "(", ")", "//", "/*", "*/", "\n", "env.DB.", "prepare",
     "SELECT ", "class ", "const a = ", ";", "def ", "\\", "${", "<title>", "# ", "package ", "\r\n", "é", "\t", "=> ",
     "[", "]", ","]
)  # fmt: skip
_NAMES = st.sampled_from(
    ["a.ts", "b.tsx", "c.js", "d.py", "e.go", "f.html", "g.md", "package.json", "tsconfig.json", "wrangler.toml",
     "wrangler.jsonc", "go.mod", "requirements.txt", "pyproject.toml", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
     "h.css", "Dockerfile", "i.sql", "sub/j.test.ts", "sub/__init__.py", "LICENSE", "k", "лес.ts"]
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(_NAMES, st.lists(_WORDS, max_size=25).map("".join), max_size=6))
def test_whatever_files_hold_they_are_described_and_twice_the_same(files: dict[str, str]) -> None:
    contents = UnitContents(
        Path("/nowhere/unit"), tuple(UnitFile(path, files[path].encode(), False) for path in sorted(files)), (), "d"
    )

    inventory = describe(contents)

    assert [file.path for file in inventory.files] == sorted(files)
    assert all(file.purpose and "\n" not in file.purpose for file in inventory.files)
    assert describe(contents) == inventory


@pytest.mark.no_cover  # the same code over and over, at half the speed if it were traced
@pytest.mark.timeout(60)
def test_two_thousand_files_take_less_than_five_seconds_of_cpu() -> None:
    example = read_unit(packaged_path("examples") / "STAGING" / "feedback-worker").files
    files = [
        UnitFile(f"{number}/{file.path}", file.content, False)
        for number in range(2000 // len(example) + 1)
        for file in example
    ]
    contents = UnitContents(Path("/nowhere/unit"), tuple(sorted(files, key=lambda file: file.path)), (), "d")

    started = time.process_time()
    inventory = describe(contents)

    assert len(inventory.files) >= 2000
    assert time.process_time() - started < 5
