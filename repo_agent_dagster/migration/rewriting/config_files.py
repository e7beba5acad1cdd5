"""Paths and module names in configuration files (tsconfig, package.json, wrangler): found with spans, and re-based."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from repo_agent_dagster.migration.rewriting import json_spans, paths, toml_spans
from repo_agent_dagster.migration.rewriting.config_entries import ConfigKind, Entry, Meaning, Syntax, kind_of
from repo_agent_dagster.migration.rewriting.moving_unit import MovingUnit
from repo_agent_dagster.migration.rewriting.paths import Base
from repo_agent_dagster.migration.rewriting.resolve import Unresolvable, is_relative
from repo_agent_dagster.migration.rewriting.specifiers import Found, LineIndex, Specifier, Unsure, read_source
from repo_agent_dagster.migration.rewriting.values import NotReadable, Value, select, text_at

_PROTOCOL = re.compile(r"(?:file|link|portal):")
_LONGEST_CHAIN = 20


@dataclass(frozen=True, kw_only=True)
class ConfigSpecifier(Specifier):
    """A path or a module's name in a configuration file; `syntax` and `quote` say how it is written.

    `base_url` and `parents` are given for the targets of tsconfig's `paths`: what the file says itself, and what it
    extends.
    """

    entry: Entry
    syntax: Syntax
    quote: str
    base_url: str | None = None
    parents: tuple[str, ...] = ()


def find_specifiers(path: str, text: str) -> Found:
    """Return the paths and module names that a configuration file holds, in the order in which they stand."""
    kind = kind_of(path)
    if kind is None or not text.strip():
        return Found()
    lines = LineIndex(text)
    try:
        value = _parse(kind, text)
    except NotReadable as error:
        return Found(unsure=(Unsure(posixpath.basename(path), lines.place(error.offset), "syntax", str(error)),))
    base_url, parents = text_at(value, "compilerOptions", "baseUrl"), _parents(value)
    found: dict[int, ConfigSpecifier] = {}
    for entry in kind.entries:
        is_alias = entry.meaning is Meaning.ALIAS
        for string in select(value, *entry.trail):
            found.setdefault(
                string.start,
                ConfigSpecifier(
                    string.value,
                    string.start,
                    string.end,
                    lines.place(string.start),
                    entry.form,
                    entry=entry,
                    syntax=kind.syntax,
                    quote=string.quote,
                    base_url=base_url if is_alias else None,
                    parents=parents if is_alias else (),
                ),
            )
    return Found(tuple(found[start] for start in sorted(found) if found[start].text))


def obeys_rules(specifier: Specifier) -> bool:
    """Return whether import rules count for this entry: where it may name a module."""
    meaning = _own(specifier).entry.meaning
    return meaning in {Meaning.EXTENDS, Meaning.MODULE} or (
        meaning is Meaning.EXPORT and not is_relative(specifier.text)
    )


def rebase(specifier: Specifier, path: str, unit: MovingUnit) -> str | Unresolvable:
    """Return what an entry must say once all has moved; itself, where nothing changes."""
    written, entry, base = specifier.text, _own(specifier).entry, paths.base_of(path, unit)
    if "${" in written:
        return written
    match entry.meaning:
        case Meaning.PATH:
            return paths.rebase_path(written, base, unit, marker=entry.marker)
        case Meaning.ENTRY:
            return paths.rebase_entry(written, base, unit)
        case Meaning.GLOB:
            return _glob(written, entry, base, unit)
        case Meaning.ALIAS:
            return _alias(_own(specifier), path, unit)
        case Meaning.EXTENDS:
            return _extends(written, base, unit)
        case Meaning.EXPORT:
            return _export(written, base, unit)
        case Meaning.DEPENDENCY:
            return _dependency(written, base, unit)
        case Meaning.IMAGE:
            is_path = written.startswith(("./", "../")) or posixpath.join(base.old, written) in unit.relocation.files
            return paths.rebase_path(written, base, unit) if is_path else written
        case Meaning.MODULE:
            return paths.rebase_entry(written, base, unit) if is_relative(written) else written


def write(specifier: Specifier, new: str) -> str | Unresolvable:
    """Return the new value as it stands between the quotes of its file."""
    own = _own(specifier)
    escaped = json_spans.quoted(new) if own.syntax == "json" else toml_spans.quoted(new, own.quote)
    return Unresolvable(f"would become {new!r}, which cannot stand in such quotes") if escaped is None else escaped


def _own(specifier: Specifier) -> ConfigSpecifier:
    if not isinstance(specifier, ConfigSpecifier):
        raise TypeError(f"{specifier} was not found in a configuration file")
    return specifier


def _parse(kind: ConfigKind, text: str) -> Value:
    return json_spans.parse(text) if kind.syntax == "json" else toml_spans.parse(text)


def _parents(value: Value) -> tuple[str, ...]:
    return tuple(text.value for text in [*select(value, "extends"), *select(value, "extends", "[]")])


def _glob(written: str, entry: Entry, base: Base, unit: MovingUnit) -> str | Unresolvable:
    pattern = written.removeprefix("!")
    new = paths.rebase_glob(pattern, base, unit)
    if isinstance(new, Unresolvable):
        return written if entry.optional and not _means_moved(pattern, base, unit) else new
    if entry.contained and new.startswith("../"):
        return _reaches_out(new)
    return written[: len(written) - len(pattern)] + new


def _means_moved(written: str, base: Base, unit: MovingUnit) -> bool:
    """Return whether a pattern or path means files that move, so that it matters where they go."""
    target = paths.inside(base.old, written.split("*")[0] or ".")
    return not isinstance(target, Unresolvable) and (target in unit.moved or target in unit.folders)


def _export(written: str, base: Base, unit: MovingUnit) -> str | Unresolvable:
    if not written.startswith("./"):
        return written
    new = paths.rebase_glob(written, base, unit) if "*" in written else paths.rebase_path(written, base, unit)
    if isinstance(new, str) and not new.startswith("./"):
        return _reaches_out(new)
    return new


def _reaches_out(new: str) -> Unresolvable:
    return Unresolvable(f"would become {new!r}, and a package cannot reach out of its folder; move both together")


def _dependency(written: str, base: Base, unit: MovingUnit) -> str | Unresolvable:
    protocol = _PROTOCOL.match(written)
    prefix = protocol[0] if protocol else ""
    rest = written[len(prefix) :]
    if not (prefix or is_relative(rest)) or rest.startswith(("/", "~")) or not rest:
        return written
    new = paths.rebase_path(rest, base, unit, marker="package.json")
    return new if isinstance(new, Unresolvable) else prefix + new


def _extends(written: str, base: Base, unit: MovingUnit) -> str | Unresolvable:
    if not is_relative(written):
        return written
    target = paths.inside(base.old, written)
    if isinstance(target, Unresolvable) or _extended(written, base.old, unit) is None:
        place = posixpath.normpath(posixpath.join(base.new, written))
        stands = any(file in unit.relocation.after for file in (place, f"{place}.json"))
        reason = target if isinstance(target, Unresolvable) else Unresolvable("no such file in the unit")
        return written if stands else reason
    ending = "" if target in unit.relocation.files else ".json"
    new = paths.rebase_path(written + ending, base, unit)
    return new if isinstance(new, Unresolvable) else new.removesuffix(ending)


def _extended(written: str, folder: str, unit: MovingUnit) -> str | None:
    """Return the tsconfig of the unit that a relative `extends` means from a folder."""
    target = paths.inside(folder, written)
    if isinstance(target, Unresolvable) or not is_relative(written):
        return None
    return next((file for file in (target, f"{target}.json") if file in unit.relocation.files), None)


def _alias(specifier: ConfigSpecifier, path: str, unit: MovingUnit) -> str | Unresolvable:
    base = _base_url(specifier.base_url, specifier.parents, path, unit) or paths.base_of(path, unit)
    if isinstance(base, Unresolvable):
        return base
    written = specifier.text
    return paths.rebase_glob(written, base, unit) if "*" in written else paths.rebase_entry(written, base, unit)


def _base_url(
    base_url: str | None, parents: Sequence[str], path: str, unit: MovingUnit, depth: int = 0
) -> Base | Unresolvable | None:
    """Return the folder that `baseUrl` means, here or in what the file extends; None where nothing sets it."""
    own = paths.base_of(path, unit)
    if base_url is not None:
        old = paths.inside(own.old, base_url)
        new = paths.rebase_path(base_url, own, unit)
        if isinstance(old, Unresolvable) or isinstance(new, Unresolvable):
            return Unresolvable("is relative to a baseUrl that cannot be re-based")
        place = posixpath.normpath(posixpath.join(own.new, new))
        return Base(old, "" if place == "." else place)
    for parent in reversed(parents):  # the last one wins
        file = _extended(parent, own.old, unit)
        source = read_source(unit.contents.get(file or "", b""))
        if file is None or file not in unit.moved or source is None or depth == _LONGEST_CHAIN:
            continue
        try:
            value = json_spans.parse(source.text)
        except NotReadable:
            continue
        inherited = _base_url(text_at(value, "compilerOptions", "baseUrl"), _parents(value), file, unit, depth + 1)
        if inherited is not None:
            return inherited
    return None
