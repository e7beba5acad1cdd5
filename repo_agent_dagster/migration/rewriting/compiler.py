"""Module specifiers as TypeScript's own parser sees them: the `typescript` package, run by node in a sandbox.

The files go in once, one process reads them all, and what it found comes back; nothing in them is executed.
"""

import base64
import json
import posixpath
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from repo_agent_dagster.migration.faults import SpecifiersUnread
from repo_agent_dagster.migration.rewriting.specifiers import Found, LineIndex, Specifier, Unsure
from repo_agent_dagster.migration.rewriting.typescript_candidates import MOCKS, head_end, may_hold_specifier
from repo_agent_dagster.migration.rewriting.typescript_reasons import (
    COMPUTED,
    ESCAPES,
    MOST_CHARACTERS,
    MOST_ERRORS,
    TEMPLATE,
    short,
    syntax_error,
    too_long,
)
from repo_agent_dagster.sandbox.box import Box
from repo_agent_dagster.sandbox.spec import TYPE_ROOTS

FOLDER = "/workspace/.specifiers"
TYPESCRIPT = posixpath.join(posixpath.dirname(TYPE_ROOTS), "typescript")
SCRIPT = Path(__file__).with_name("compiler_specifiers.cjs")
_PART_BYTES = 192 << 10
"""How much of the result one command prints: a sandbox keeps the last 256 KiB of what a command says."""
_BATCH_CHARACTERS = 16_000_000
"""How much text one process reads: its copies in node take some times as much memory."""
_REASONS = {"escapes": ESCAPES, "template": TEMPLATE, "computed": COMPUTED}

_Offset = Annotated[int, Field(ge=0)]


class _Source(NamedTuple):
    form: str
    start: _Offset
    end: _Offset
    kind: Literal["text", "escapes", "template", "computed"]


class _Error(NamedTuple):
    start: _Offset
    end: _Offset
    message: str


class _Summary(BaseModel):
    bytes: int
    cpu_seconds: Annotated[float, Field(alias="cpuSeconds")]


_READ = TypeAdapter(list[tuple[list[_Source], list[_Error]]])


class CompilerReader:
    """Reads specifiers with the compiler's parser in a sandbox that is already there; `Box` says what it needs of it.

    `cpu_seconds` is the processor time that the last reading took inside the sandbox.
    """

    def __init__(self, box: Box, *, timeout_seconds: float = 120) -> None:
        self._box = box
        self._timeout_seconds = timeout_seconds
        self.cpu_seconds = 0.0

    def read(self, files: Mapping[str, str]) -> Mapping[str, Found]:
        """Return what each file holds; a syntax error is listed as unsure beside what was found all the same.

        Raises:
            SpecifiersUnread: the process did not end in time, or failed.
        """
        self.cpu_seconds = 0.0
        asked = {path: text for path, text in files.items() if may_hold_specifier(text)}
        heads = {path: text[: head_end(text)] for path, text in asked.items()}
        found = {**dict.fromkeys(files, Found()), **self._read(heads)}
        # Where a part does not parse by itself, the cut, perhaps, went through a comment, a template or a function.
        failed = {path for path, one in found.items() if any(unsure.form == "syntax" for unsure in one.unsure)}
        whole = {path: asked[path] for path in asked if path in failed and len(heads[path]) < len(asked[path])}
        return {**found, **self._read(whole)}

    def _read(self, files: Mapping[str, str]) -> dict[str, Found]:
        found = {path: too_long(path, text) for path, text in files.items() if len(text) > MOST_CHARACTERS}
        for batch in _batches((path, text) for path, text in files.items() if path not in found):
            for (path, text), (sources, errors) in zip(batch, self._ask(batch), strict=True):
                found[path] = _found(text, sources, errors)
        return found

    def _ask(self, asked: Sequence[tuple[str, str]]) -> list[tuple[list[_Source], list[_Error]]]:
        self._run(["rm", "-rf", FOLDER])
        question = json.dumps({"mocks": sorted(MOCKS), "files": asked}).encode()
        self._box.put({"input.json": question, SCRIPT.name: SCRIPT.read_bytes()}, FOLDER)
        try:
            said = self._run(["node", SCRIPT.name, TYPESCRIPT, "input.json", "output"])
            summary = _Summary.model_validate_json(said)
            parts = range(-(-summary.bytes // _PART_BYTES))
            packed = "".join(
                self._run(["dd", "if=output", f"bs={_PART_BYTES}", f"skip={part}", "count=1", "status=none"])
                for part in parts
            )
            read = _READ.validate_json(zlib.decompress(base64.b64decode(packed, validate=True)))
        except (ValidationError, ValueError, zlib.error) as error:
            raise SpecifiersUnread(f"what TypeScript's parser said in the sandbox cannot be read: {error}") from error
        finally:
            self._box.exec(["rm", "-rf", FOLDER], cwd="/", timeout_seconds=self._timeout_seconds)
        if len(read) != len(asked):
            raise SpecifiersUnread(f"TypeScript's parser read {len(read)} of {len(asked)} files; run again")
        self.cpu_seconds += summary.cpu_seconds
        return read

    def _run(self, command: Sequence[str]) -> str:
        cwd = "/" if command[0] == "rm" else FOLDER
        result = self._box.exec(command, cwd=cwd, timeout_seconds=self._timeout_seconds)
        if result.timed_out:
            raise SpecifiersUnread(f"reading specifiers in the sandbox took more than {self._timeout_seconds:g} s")
        if not result.ok:
            said = short(result.output) or f"exit code {result.exit_code}"
            raise SpecifiersUnread(f"TypeScript's parser needs node and {TYPESCRIPT} in the sandbox's image: {said}")
        return result.stdout


def _batches(files: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield as many files at once as a sandbox has memory for."""
    batch: list[tuple[str, str]] = []
    size = 0
    for path, text in files:
        if batch and size + len(text) > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append((path, text))
        size += len(text)
    if batch:
        yield batch


def _found(text: str, sources: Sequence[_Source], errors: Sequence[_Error]) -> Found:
    offsets, specifiers, unsure = _Offsets(text), [], []
    for source in sources:
        start, end = offsets.character(source.start), offsets.character(source.end)
        said = text[start:end]
        if source.kind == "text":
            specifiers.append(Specifier(said, start, end, offsets.place(start - 1), source.form))
        elif source.kind == "escapes":
            unsure.append(Unsure(said, offsets.place(start - 1), source.form, ESCAPES))
        else:
            unsure.append(Unsure(short(said), offsets.place(start), source.form, _REASONS[source.kind]))
    for error in errors[:MOST_ERRORS]:
        start, end = offsets.character(error.start), offsets.character(error.end)
        reason = syntax_error(error.message, len(errors))
        unsure.append(Unsure(short(text[start:end]), offsets.place(start), "syntax", reason))
    return Found(tuple(specifiers), tuple(sorted(unsure, key=lambda one: (one.place.line, one.place.column))))


class _Offsets:
    """A text's positions: node counts UTF-16 units, of which a character beyond U+FFFF has two."""

    def __init__(self, text: str) -> None:
        self._wide: list[int] = []
        if not text.isascii():
            self._wide = [at + number for number, at in enumerate(at for at, one in enumerate(text) if one > "\uffff")]
        self.place = LineIndex(text).place

    def character(self, unit: int) -> int:
        """Return the character that begins at a UTF-16 unit."""
        return unit - bisect_left(self._wide, unit)
