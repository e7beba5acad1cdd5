"""A manifest that is wrong says where and what to write instead."""

import json
from pathlib import Path

import pytest

from repo_agent_dagster.migration import ManifestError, load_manifest, manifest_schema, scan_unit
from repo_agent_dagster.migration.manifest.reading import manifest_digest, order_id, read_manifest

SMALL = """\
unit: storefront
source: .
destination: apps/storefront
files:
  - {from: "**/*", to: "", exclude: ["**/*.bak"]}
imports:
  - {exact: "../../utils", to: "@shared/utils"}
  - {prefix: "@staging/", to: "@app/"}
validate: ["npm run typecheck", "npm test"]
on_failure: rollback
"""


def write(tmp_path: Path, text: str | bytes, name: str = "migration-manifest.yaml") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_the_small_example_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, SMALL))

    assert (manifest.unit, manifest.destination, manifest.on_failure) == ("storefront", "apps/storefront", "rollback")
    assert manifest.files[0].exclude == ("**/*.bak",)
    assert [command.run for command in manifest.checks] == ["npm run typecheck", "npm test"]
    assert (order_id(manifest), manifest.order.phase) == ("staging-storefront", "migration")


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    from_yaml = read_manifest(write(tmp_path, SMALL))
    said = from_yaml.model_dump(mode="json", by_alias=True, exclude_none=True)

    from_json = read_manifest(write(tmp_path, json.dumps(said, indent="\t"), "migration-manifest.json"))

    assert from_json == from_yaml
    assert manifest_digest(from_json) == manifest_digest(from_yaml)


def test_only_unit_and_destination_must_be_given(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "unit: a\ndestination: ./apps//a/\norder: {id: '42', phase: move}\n"))

    assert manifest.files[0].from_ == "**/*"
    assert manifest.destination == "apps/a"
    assert (manifest.order_id, manifest.order.phase) == ("42", "move")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        pytest.param("", ":1:1", "a manifest is a mapping", id="empty"),
        pytest.param("- a\n", ":1:1", "not a list", id="list"),
        pytest.param("unit: [a\n", ":2:1", "not valid YAML", id="syntax"),
        pytest.param("unit: a\nunit: b\n", ":2:1", "'unit' is given twice; the first is in line 1", id="twice"),
        pytest.param("unit: a\n", ":1:1", "destination: is missing", id="missing"),
        pytest.param("unit: a\ndestinaton: b\n", ":2:1", "did you mean 'destination'?", id="misspelt"),
        pytest.param("unit: a\ndestination: b\nzzz: 1\n", ":3:1", "known here: unit, source", id="unknown"),
        pytest.param("unit: a b\ndestination: b\n", ":1:7", "is not a name", id="unit-name"),
        pytest.param("unit: 123\ndestination: b\n", ":1:7", "put it in quotes: '123'", id="number-for-text"),
        pytest.param("unit: a\ndestination: /b\n", ":2:14", "is absolute", id="absolute"),
        pytest.param("unit: a\ndestination: b/../../c\n", ":2:14", "climbs out with '..'", id="climbing"),
        pytest.param("unit: a\ndestination: b\\c\n", ":2:14", "must use forward slashes", id="backslash"),
        pytest.param("unit: a\ndestination: .git/hooks\n", ":2:14", "git or the patch journal", id="git"),
        pytest.param("unit: a\ndestination: b\nsource: ../x\n", ":3:9", "source: '../x' climbs out", id="source"),
        pytest.param("unit: a\ndestination: b\nfiles: {}\n", ":3:8", "must be a list", id="files-mapping"),
        pytest.param("unit: a\ndestination: b\nfiles: []\n", ":3:8", "files: must not be empty", id="no-files"),
        pytest.param(
            "unit: a\ndestination: b\nfiles:\n  - fron: x\n    to: y\n",
            ":4:5",
            "files[0].fron: unknown field; did you mean 'from'?",
            id="files-misspelt",
        ),
        pytest.param(
            "unit: a\ndestination: b\nfiles:\n  - {from: 'a{b', to: c}\n",
            ":4:12",
            "files[0].from: glob 'a{b' cannot be read",
            id="glob",
        ),
        pytest.param(
            "unit: a\ndestination: b\nfiles:\n  - {from: a, exclude: ['[z-a]']}\n",
            ":4:25",
            "files[0].exclude[0]",
            id="exclude-glob",
        ),
        pytest.param(
            "unit: a\ndestination: b\nimports:\n  - {exact: x, prefix: y, to: z}\n",
            ":4:5",
            "exactly one of exact, prefix and regex",
            id="two-matchers",
        ),
        pytest.param("unit: a\ndestination: b\nimports:\n  - {to: z}\n", ":4:5", "not none", id="no-matcher"),
        pytest.param(
            "unit: a\ndestination: b\nimports:\n  - {regex: '(', to: z}\n", ":4:5", "does not compile", id="regex"
        ),
        pytest.param(
            "unit: a\ndestination: b\nimports:\n  - {regex: 'a', to: '\\1'}\n", ":4:5", "uses group 1", id="group"
        ),
        pytest.param(
            "unit: a\ndestination: b\nimports:\n  - {regex: 'a', to: '\\q'}\n",
            ":4:5",
            "backslash that is no group",
            id="escape",
        ),
        pytest.param(
            'unit: a\ndestination: b\nimports:\n  - {exact: a, to: "b\'c"}\n',
            ":4:5",
            "cannot stand inside quotes",
            id="quote",
        ),
        pytest.param(
            "unit: a\ndestination: b\non_failure: rolback\n", ":3:13", "did you mean 'rollback'?", id="literal"
        ),
        pytest.param(
            "unit: a\ndestination: b\norder: {idd: x}\n",
            ":3:9",
            "order.idd: unknown field; did you mean 'id'?",
            id="order",
        ),
        pytest.param("unit: a\ndestination: b\norder: x\n", ":3:8", "must be a mapping", id="order-text"),
        pytest.param(
            "unit: a\ndestination: b\nvalidate: [1]\n", ":3:12", "validate[0]: must be text or", id="validate"
        ),
        pytest.param("unit: a\n---\nunit: b\n", ":2:1", "not valid YAML", id="two-documents"),
        pytest.param("unit: !!python/object:os.system x\n", ":1:7", "not valid YAML", id="tag"),
        pytest.param("unit: a\ndestination: b\n\tx: 1\n", ":3:1", "not valid YAML", id="tab"),
        pytest.param(b"unit: a\ndestination: \xff\n", ":2", "not UTF-8", id="encoding"),
    ],
)
def test_a_broken_manifest_names_its_place_and_the_remedy(
    tmp_path: Path, text: str | bytes, place: str, message: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(ManifestError) as caught:
        read_manifest(path)

    told = str(caught.value)
    assert f"{path}{place}: " in told
    assert message in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"unit": "a",}', ":1:14: not JSON"),
        ('{"unit": "a", "unit": "b"}', "'unit' is given twice"),
        ('{\n  "unit": "a",\n  "destination": 1\n}', ":3:18: destination: must be text"),
        ('{\n\t"unit": "a"\n}', "destination: is missing"),
    ],
)
def test_a_broken_json_manifest_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(write(tmp_path, text, "migration-manifest.json"))

    assert message in str(caught.value)


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(write(tmp_path, "unti: a\ndestination: /b\non_failure: no\n"))

    assert len(str(caught.value).splitlines()) == 4


def test_an_enormous_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="at most 1000000"):
        read_manifest(write(tmp_path, "#" * 1_000_001))


def test_a_manifest_is_found_in_the_unit_or_in_the_central_folder(tmp_path: Path) -> None:
    unit = tmp_path / "STAGING" / "a"
    unit.mkdir(parents=True)
    central = tmp_path / "STAGING" / "manifests"
    central.mkdir()

    with pytest.raises(ManifestError, match="has no manifest; write"):
        load_manifest(unit)
    (central / "a.yaml").write_text("unit: a\ndestination: central\n")
    scanned = scan_unit(unit)
    assert scanned is not None
    assert load_manifest(scanned).destination == "central"
    (unit / "migration-manifest.yml").write_text("unit: a\ndestination: own\n")
    with pytest.raises(ManifestError, match="has 2 manifests"):
        load_manifest(unit)
    (central / "a.yaml").unlink()
    assert load_manifest(unit, tmp_path / "STAGING").destination == "own"


def test_a_manifest_under_a_wrong_name_is_pointed_at(tmp_path: Path) -> None:
    write(tmp_path, SMALL, "migration_manifest.yaml")

    with pytest.raises(ManifestError, match=r"is migration_manifest.yaml meant to be it\?"):
        load_manifest(tmp_path)


def test_a_path_that_is_no_folder_has_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is not a folder"):
        load_manifest(tmp_path / "gone")


def test_the_schema_names_the_fields_as_they_are_written() -> None:
    schema = manifest_schema()

    assert schema["required"] == ["unit", "destination"]
    assert set(schema["properties"]) == {
        "unit", "source", "destination", "files", "imports", "replace", "merge", "standards", "refactor", "validate",
        "approval", "after", "order", "on_failure",
    }  # fmt: skip
    assert set(schema["$defs"]["FileRule"]["properties"]) == {"from", "to", "exclude", "rename", "executable"}
    assert schema["additionalProperties"] is False


def test_comments_and_order_do_not_change_the_digest_but_rules_do(tmp_path: Path) -> None:
    first = read_manifest(write(tmp_path, "unit: a\ndestination: b\n"))
    same = read_manifest(write(tmp_path, "# hello\ndestination: b\nsource: .\nunit: a\n"))
    other = read_manifest(write(tmp_path, "unit: a\ndestination: c\n"))

    assert manifest_digest(first) == manifest_digest(same) != manifest_digest(other)
