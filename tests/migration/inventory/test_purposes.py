"""Each file has a purpose in one line, found in what it says itself before its name is asked."""

import pytest

from tests.migration.inventory.conftest import Described, DescribedFile


@pytest.mark.parametrize(
    ("path", "text", "purpose", "origin"),
    [
        ("a.ts", "// Keeps the orders.\nimport './b';\n", "Keeps the orders.", "head comment"),
        ("a.ts", "#!/bin/node\n/**\n * Starts. And more.\n * @author me\n */\nrun();\n", "Starts.", "head comment"),
        ("a.ts", "// one line\n// goes on here\n\nimport './b';\n", "one line goes on here", "head comment"),
        ("a.ts", "/** @fileoverview Speaks HTTP. */\nimport './b';\n", "Speaks HTTP.", "head comment"),
        ("a.ts", "/** Opens it. */\nexport function open() {}\n", "open: Opens it.", "comment of an export"),
        ("a.ts", "export const one = 1;\nexport class Two {}\n", "offers one, Two", "exports"),
        ("a.ts", "export * from './b';\nexport default x;\n", "offers all of another module, x", "exports"),
        ("a.ts", "const one = 1;\nfunction two() {}\n", "defines one, two", "definitions"),
        ("a.js", "module.exports = { one, two() {} };\nexports.three = 3;\n", "offers one, two, three", "exports"),
        ("a.py", '"""Counts things.\n\nSlowly.\n"""\nx = 1\n', "Counts things.", "docstring"),
        ("a.py", "__all__ = ['b']\n\nclass A: ...\ndef b(): ...\n", "offers b", "exports"),
        ("a.py", "_x = 1\n_y: int = 2\n", "defines _x, _y", "definitions"),
        ("a.py", "# Counts.\nx = (\n", "Counts.", "head comment"),
        ("a.go", "package a\n\nconst C = 1\n\ntype T struct{}\n", "offers C, T", "exports"),
        ("a.rst", "The shop\n========\n", "The shop", "title"),
        ("a.py", "#!/usr/bin/env python3\n# Counts things.\nx = 1\n", "Counts things.", "head comment"),
        ("a.py", "def count():\n    '''Counts.'''\n", "count: Counts.", "comment of an export"),
        ("a.go", "// Package shop sells.\npackage shop\n", "Package shop sells.", "head comment"),
        ("a.go", "package shop\n\n// Sell sells.\nfunc Sell() {}\n", "Sell: Sell sells.", "comment of an export"),
        ("a.ts", "// Runs `x`, see [y](https://y.org).\nimport './b';\n", "Runs x, see y.", "head comment"),
        ("a.html", "<html><title>The shop</title></html>", "The shop", "title"),
        ("a.md", "```\n# no\n```\n\n# The shop\n", "The shop", "title"),
        ("a.sh", "#!/bin/sh\n# Fills the shop.\nset -e\n", "Fills the shop.", "head comment"),
        ("a.sql", "-- Tables of the shop.\nCREATE TABLE t (a);\n", "Tables of the shop.", "head comment"),
        ("a.css", "/* Colours. */\na { color: red }\n", "Colours.", "head comment"),
        ("Dockerfile", "# Runs the shop.\nFROM node\n", "Runs the shop.", "head comment"),
        ("package.json", '{"name": "shop", "description": "Sells."}', "Sells.", "title"),
        ("package.json", '{"name": "shop"}', "package shop", "title"),
        ("tsconfig.build.json", "{}", "TypeScript settings", "name"),
        ("pnpm-lock.yaml", "lockfileVersion: 9\n", "locked versions of packages", "name"),
    ],
)  # fmt: skip
def test_a_file_tells_what_it_is_for(
    described_file: DescribedFile, path: str, text: str, purpose: str, origin: str
) -> None:
    file = described_file(path, text)

    assert (file.purpose, file.purpose_from) == (purpose, origin)


@pytest.mark.parametrize(
    ("path", "text", "language", "kind"),
    [
        ("run", "#!/usr/bin/env -S node --x\n", "JavaScript", "code"),
        ("run", "#!/bin/bash\n", "Shell", "code"),
        ("run", "words\n", "Other text", "data"),
        (".env.production", "A=1\n", "Environment", "config"),
        ("Dockerfile.dev", "FROM x\n", "Dockerfile", "config"),
        ("go.sum", "x\n", "Lock file", "lock"),
        ("A.TSX", "export const A = <p/>;\n", "TSX", "code"),
    ],
)
def test_the_language_is_told_by_name_ending_or_first_line(
    described_file: DescribedFile, path: str, text: str, language: str, kind: str
) -> None:
    file = described_file(path, text)

    assert (file.language, file.kind) == (language, kind)


@pytest.mark.parametrize(
    "head",
    [
        "// SPDX-License-Identifier: MIT\n",
        "/* Copyright 2020 Somebody. All rights reserved. */\n",
        "/* eslint-disable no-console */\n",
        "// @ts-nocheck\n",
        '/// <reference types="node" />\n',
    ],
)
def test_what_lawyers_and_tools_read_is_no_purpose(described_file: DescribedFile, head: str) -> None:
    assert described_file("a.ts", f"{head}\n// Sells.\nimport './b';\n").purpose == "Sells."


def test_a_purpose_is_one_line_of_at_most_160_characters(described_file: DescribedFile) -> None:
    purpose = described_file("a.ts", f"/*\n{'word ' * 100}\nmore\x07 */\nimport './b';\n").purpose

    assert len(purpose) <= 160
    assert purpose.isprintable()
    assert purpose.endswith("…")


@pytest.mark.parametrize(
    ("files", "kind", "reason"),
    [
        ({"wrangler.toml": 'name = "x"', "src/a.ts": ""}, "app", "wrangler.toml configures a worker"),
        ({"Dockerfile": "FROM node", "a.ts": ""}, "app", "Dockerfile builds or runs a container"),
        ({"package.json": '{"bin": "a.js"}', "a.js": ""}, "app", "package.json has a bin"),
        ({"package.json": '{"exports": "./a.js"}', "a.js": ""}, "library", "package.json has 'exports'"),
        ({"package.json": '{"scripts": {"start": "x"}}', "a.js": ""}, "app", "package.json has a script 'start'"),
        ({"main.go": "package main\nfunc main() {}"}, "app", "main.go is the entry point of a program"),
        ({"src/index.ts": "const a = 1;"}, "app", "src/index.ts is the entry point of a program"),
        ({"index.html": "<p>"}, "app", "index.html is the entry point of a page"),
        ({"pyproject.toml": '[project]\nname = "x"', "x.py": ""}, "library", "pyproject.toml describes a package"),
        ({"a.ts": "export const a = 1;"}, "library", "it has code and nothing that starts it"),
        ({"README.md": "# x"}, "documents", "it has no code that is parsed"),
    ],
)  # fmt: skip
def test_a_unit_is_an_app_a_library_or_documents_by_a_fact_that_is_told(
    described: Described, files: dict[str, str], kind: str, reason: str
) -> None:
    inventory = described(files)

    assert inventory.kind == kind
    assert inventory.kind_reason.startswith(reason)


def test_a_unit_is_for_what_its_package_or_its_readme_says(described: Described) -> None:
    readme = "# shop\n\n[![badge](x)](y)\n\nSells things. Also online.\n"

    assert described({"README.md": readme}).purpose == "Sells things."
    assert described({"package.json": '{"description": "Buys."}'}).purpose == "Buys."
