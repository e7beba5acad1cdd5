"""Find, read and check a unit's manifest; every error names file, line, column and field, and suggests a spelling."""

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from repo_agent_dagster.contracts.migration import Manifest
from repo_agent_dagster.migration.faults import ManifestError
from repo_agent_dagster.migration.manifest.globs import compile_glob
from repo_agent_dagster.migration.units.scan import MANIFEST_NAMES, StagingUnit, central_manifests

MANIFEST_LIMIT_BYTES = 1_000_000


def load_manifest(unit: StagingUnit | Path, staging_dir: Path | None = None) -> Manifest:
    """Return the unit's manifest: the one in its folder, or ``<staging_dir>/manifests/<unit>.yaml``.

    `staging_dir` defaults to the folder that holds the unit.

    Raises:
        ManifestError: there is none, there are several, or the one there is breaks a rule.
    """
    return read_manifest(find_manifest(unit.path if isinstance(unit, StagingUnit) else unit, staging_dir))


def find_manifest(unit_path: Path, staging_dir: Path | None = None) -> Path:
    """Return the path of the unit's one manifest.

    Raises:
        ManifestError: there is none, or there are several and nothing says which one counts.
    """
    if not unit_path.is_dir():
        raise ManifestError(f"{unit_path} is not a folder; name a unit's folder, or a unit of the STAGING folder")
    staging = unit_path.resolve().parent if staging_dir is None else staging_dir
    found = [path for name in MANIFEST_NAMES if (path := unit_path / name).is_file()]
    found += central_manifests(staging, unit_path.resolve().name)
    if not found:
        misnamed = get_close_matches(MANIFEST_NAMES[0], [path.name for path in unit_path.iterdir()], n=1, cutoff=0.75)
        hint = f" (is {misnamed[0]} meant to be it?)" if misnamed else ""
        raise ManifestError(
            f"{unit_path} has no manifest{hint}; write {unit_path / MANIFEST_NAMES[0]} "
            f"or {staging / 'manifests' / (unit_path.resolve().name + '.yaml')}; "
            "`migrate-staging schema` shows its fields"
        )
    if len(found) > 1:
        raise ManifestError(
            f"{unit_path} has {len(found)} manifests: {', '.join(map(str, found))}; keep one, remove the rest"
        )
    return found[0]


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in a YAML or JSON file.

    Raises:
        ManifestError: the file cannot be read, is not YAML or JSON, or breaks a rule of the schema.
    """
    text = _read(path)
    tree = _compose(path, text)
    content = _construct(path, text)
    if not isinstance(content, dict):
        raise ManifestError(f"{path}:1:1: a manifest is a mapping with unit: and destination:, not {_kind(content)}")
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        lines = [_describe(path, tree, detail) for detail in error.errors(include_url=False)]
        raise ManifestError("\n".join(lines)) from error
    _check_globs(path, tree, manifest)
    return manifest


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest, for editors and for `migrate-staging schema`."""
    schema = Manifest.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def order_id(manifest: Manifest) -> str:
    """Return the order that the unit's patches belong to: the manifest's, or ``staging-<unit>``."""
    return manifest.order_id


def manifest_digest(manifest: Manifest) -> str:
    """Return the SHA-256 of what the manifest says; comments, order of keys and defaults written out do not count."""
    said = manifest.model_dump(mode="json", by_alias=True)
    return sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check_globs(path: Path, tree: yaml.Node | None, manifest: Manifest) -> None:
    globs: list[tuple[tuple[int | str, ...], str]] = []
    for index, rule in enumerate(manifest.files):
        globs.append((("files", index, "from"), rule.from_))
        globs += [(("files", index, "exclude", number), glob) for number, glob in enumerate(rule.exclude)]
    globs += [(("replace", index, "files"), replacement.files) for index, replacement in enumerate(manifest.replace)]
    globs += [(("merge", index, "files"), merge.files) for index, merge in enumerate(manifest.merge)]
    for location, glob in globs:
        try:
            compile_glob(glob)
        except ValueError as error:
            place = f"{path}{_place(tree, location, of_key=False)}"
            raise ManifestError(f"{place}: {_field(location)}: {error}") from error


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MANIFEST_LIMIT_BYTES:
        raise ManifestError(f"{path}: {len(raw)} bytes; a manifest has at most {MANIFEST_LIMIT_BYTES}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ManifestError(f"{path}:{line}: byte {error.start} is not UTF-8; save the manifest as UTF-8") from error


class _StrictLoader(yaml.SafeLoader):
    """YAML's plain types, with a key given twice an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, yaml.Node] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    first = seen[key.value].start_mark.line + 1
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is given twice; the first is in line {first}", key.start_mark
                    )
                seen[key.value] = key
        return cast(dict[Any, Any], super().construct_mapping(node, deep=deep))


def _compose(path: Path, text: str) -> yaml.Node | None:
    """Return the tree with line marks; JSON that YAML cannot read (tabs) has none, and its errors name fields only."""
    try:
        return yaml.compose(text, Loader=_StrictLoader)
    except (yaml.YAMLError, RecursionError) as error:
        if path.suffix == ".json":
            return None
        raise _syntax_error(path, error) from error


def _construct(path: Path, text: str) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(text, object_pairs_hook=lambda pairs: _without_twins(path, pairs))
        except json.JSONDecodeError as error:
            raise ManifestError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  a SafeLoader, only stricter
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _syntax_error(path, error) from error


def _without_twins(path: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ManifestError(f"{path}: {key!r} is given twice in one object")
        result[key] = value
    return result


def _syntax_error(path: Path, error: Exception) -> ManifestError:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        what = error.problem or error.context
        return ManifestError(f"{path}:{mark.line + 1}:{mark.column + 1}: not valid YAML: {what}")
    return ManifestError(f"{path}: not valid YAML: {' '.join(str(error).split())}")


def _describe(path: Path, tree: yaml.Node | None, detail: ErrorDetails) -> str:
    """Return one line: place, field, what is wrong, what to write instead."""
    location = detail["loc"]
    place = f"{path}{_place(tree, location, of_key=detail['type'] == 'extra_forbidden')}"
    field = _field(location)
    return f"{place}: {field + ': ' if field else ''}{_message(detail)}"


def _message(detail: ErrorDetails) -> str:
    location, given = detail["loc"], detail["input"]
    if detail["type"] == "extra_forbidden":
        known = _fields(location[:-1])
        close = get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
        return f"unknown field; {hint}"
    if detail["type"] == "missing":
        return "is missing; it must be given"
    if detail["type"] == "string_type":
        quote = f"; put it in quotes: '{given}'" if given is not None and not isinstance(given, (list, dict)) else ""
        return f"must be text, not {_kind(given)}{quote}"
    if detail["type"] == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        close = get_close_matches(str(given), allowed, n=1, cutoff=0.5)
        return f"{given!r} is not one of {', '.join(allowed)}" + (f"; did you mean {close[0]!r}?" if close else "")
    if detail["type"] in {"tuple_type", "list_type", "model_type", "dict_type"}:
        wanted = (
            "a list ('- …' lines or [ … ])"
            if detail["type"] in {"tuple_type", "list_type"}
            else "a mapping ('key: value' lines)"
        )
        either = "text or " if location[0] == "validate" and len(location) > 1 else ""
        return f"must be {either}{wanted}, not {_kind(given)}"
    if detail["type"] == "string_pattern_mismatch":
        if location == ("unit",):
            return f"{given!r} is not a name: start with a letter or digit, then letters, digits, '.', '_' or '-'"
        pattern = str(detail.get("ctx", {}).get("pattern", ""))
        hint = f"; did you mean {given.upper()!r}?" if re.fullmatch(pattern, given.upper()) else ""
        return f"{given!r} does not match {pattern}{hint}"
    return detail["msg"].removeprefix("Value error, ")


def _fields(location: Iterable[int | str]) -> list[str]:
    """Return the fields that are known where the location points."""
    model: type[BaseModel] = Manifest
    for part in location:
        if isinstance(part, str) and (inner := _model_of_field(model, part)) is not None:
            model = inner
    return _names(model)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_of_field(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    for own_name, field in model.model_fields.items():
        if name == (field.alias or own_name):
            return _first_model(field.annotation)
    return None


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _first_model(part)) is not None), None)


def _field(location: Sequence[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", int: "a number", float: "a number"}
    return names.get(type(value), f"a {type(value).__name__}")


def _place(tree: yaml.Node | None, location: Sequence[int | str], *, of_key: bool) -> str:
    mark = _mark(tree, location, of_key=of_key)
    return "" if mark is None else f":{mark.line + 1}:{mark.column + 1}"


def _mark(tree: yaml.Node | None, location: Sequence[int | str], *, of_key: bool) -> yaml.Mark | None:
    """Return where the field stands, or the nearest thing around it that is in the file."""
    node, mark = tree, None if tree is None else tree.start_mark
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == part), None)
            if pair is None:
                break
            node, mark = pair[1], (pair[0] if last and of_key else pair[1]).start_mark
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    return mark
