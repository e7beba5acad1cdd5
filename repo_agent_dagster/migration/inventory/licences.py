"""Under which licence a file is: its own SPDX line, else the nearest LICENSE file or package description above it."""

import posixpath
import re
from collections.abc import Mapping

from repo_agent_dagster.migration.inventory.structured_files import read_json, read_toml, text_of, under

_SPDX = re.compile(r"^.{0,20}SPDX-License-Identifier:[ \t]*([A-Za-z0-9][A-Za-z0-9.+ ()-]*)", re.MULTILINE)
_HEAD_CHARACTERS = 3000
_FILE = re.compile(r"(?:licen[cs]e|copying|unlicense)(?:[-.].*)?", re.IGNORECASE)
_BSD = "redistribution and use in source and binary forms"
_BSD_CHARACTERS = 2500
_PHRASES: tuple[tuple[str, str], ...] = (
    ("gnu affero general public license version 3", "AGPL-3.0"),
    ("gnu lesser general public license version 3", "LGPL-3.0"),
    ("gnu lesser general public license version 2.1", "LGPL-2.1"),
    ("gnu general public license version 3", "GPL-3.0"),
    ("gnu general public license version 2", "GPL-2.0"),
    ("mozilla public license version 2.0", "MPL-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("eclipse public license", "EPL-2.0"),
    ("free and unencumbered software released into the public domain", "Unlicense"),
    ("creative commons legal code cc0", "CC0-1.0"),
    ("boost software license", "BSL-1.0"),
    ("python software foundation license", "PSF-2.0"),
    ("python software foundation psf", "PSF-2.0"),
    ("bsd 3-clause license", "BSD-3-Clause"),
    ("bsd 2-clause license", "BSD-2-Clause"),
    (_BSD, "BSD-2-Clause"),
    ("isc license", "ISC"),
    ("mit license", "MIT"),
    ("permission to use copy modify and/or distribute this software for any purpose with or without fee", "ISC"),
    ("permission is hereby granted free of charge to any person obtaining a copy", "MIT"),
)
"""What a licence's text says first; compared in lower case without punctuation. Texts quote others further down."""


def spdx_of(text: str) -> str | None:
    """Return the licence that a file's own SPDX line names."""
    match = _SPDX.search(text[:_HEAD_CHARACTERS])
    return None if match is None else match[1].strip()


def is_licence_file(path: str) -> bool:
    """Return whether a file's name says that it is a licence."""
    return _FILE.fullmatch(posixpath.basename(path)) is not None and not path.endswith((".ts", ".js", ".py", ".go"))


class FolderLicences:
    """Finds the licence that the files of a folder are under; `texts` are the unit's licence and package files."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._stated: dict[str, tuple[str, str]] = {}
        for path in sorted(texts, key=lambda path: (not is_licence_file(path), path)):
            licence = _stated(path, texts[path])
            if licence is not None:
                self._stated.setdefault(posixpath.dirname(path), (licence, path))

    def of(self, path: str) -> tuple[str, str] | tuple[None, None]:
        """Return the licence of the file at a path, and the file that states it."""
        folder = posixpath.dirname(path)
        while folder not in self._stated:
            if not folder:
                return None, None
            folder = posixpath.dirname(folder)
        return self._stated[folder]


def _stated(path: str, text: str) -> str | None:
    name = posixpath.basename(path)
    if name == "package.json":
        content = read_json(text).value
        return text_of(content, "license") or text_of(content, "license", "type")
    if name == "pyproject.toml":
        project = under(read_toml(text).value, "project")
        return text_of(project, "license") or text_of(project, "license", "text")
    return _recognised(text) if is_licence_file(path) else None


def _recognised(text: str) -> str:
    plain = " ".join(re.sub(r"[^\w./+ -]|(?<!\d)\.|\.(?!\d)", " ", text[:40_000].lower()).split())
    found = [(place, name) for phrase, name in _PHRASES if (place := plain.find(phrase)) >= 0]
    if not found:
        return "a licence of its own"
    place, name = min(found)
    if name == "BSD-2-Clause" and re.search(r"neither the names? of", plain[place : place + _BSD_CHARACTERS]):
        return "BSD-3-Clause"
    return name
