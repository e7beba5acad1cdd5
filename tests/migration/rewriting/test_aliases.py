"""What a tsconfig's aliases mean, and what becomes of them when the unit moves: kept, re-spelled or listed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from repo_agent_dagster.migration.rewriting.aliases import alias_move
from repo_agent_dagster.migration.rewriting.file import Rewriter
from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable, rebase

FILES = {
    "src/main.ts": "",
    "src/db/store.ts": "",
    "src/db/index.ts": "",
    "src/ui/view.tsx": "",
    "src/ui/icon.svg": "",
    "src/env.d.ts": "",
}
AT = {"@/*": ["./src/*"]}


def tsconfig(paths: Mapping[str, Any] | None = None, **options: Any) -> str:
    return json.dumps({"compilerOptions": options if paths is None else {"paths": paths, **options}})


def all_to(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    return {path: f"{folder}/{path}" for path in files}


def rebased(
    specifier: str,
    files: Mapping[str, str],
    moved: Mapping[str, str],
    *,
    importer: str = "src/main.ts",
    rewritten: Mapping[str, str] | None = None,
    standing: Mapping[str, str] | None = None,
) -> str | Unresolvable:
    there = {path: text.encode() for path, text in (standing or {}).items()}
    changed = {path: text.encode() for path, text in (rewritten or {}).items()}
    contents = {path: text.encode() for path, text in files.items()}
    aliases = alias_move(contents, moved, lambda path, content: changed.get(path, content), there.get)
    relocation = Relocation(frozenset(files), moved, there.__contains__, aliases)
    return rebase(specifier, importer, relocation)


@pytest.mark.parametrize(
    "specifier",
    [
        *("@/db/store", "@/db/store.js", "@/db", "@/ui/view", "@/ui/icon.svg", "@/ui/icon.svg?raw"),
        *("react", "node:fs", "@scope/package", "@", "#internal"),
    ],
)
def test_in_a_unit_that_moves_as_a_whole_every_alias_stays(specifier: str) -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}

    assert rebased(specifier, files, all_to("apps/x", files)) == specifier


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("@/db/store", "../database/store"),
        ("@/db/store.js", "../database/store.js"),
        ("@/db", "../database"),
        ("@/db/index", "../database/index"),
        ("@/ui/icon.svg?raw", "./ui/icon.svg?raw"),
    ],
)
def test_without_its_tsconfig_an_alias_becomes_a_relative_path(specifier: str, expected: str) -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    moved = {path: "apps/x/" + path.replace("src/db", "database") for path in FILES}

    assert rebased(specifier, files, moved) == expected


def test_a_file_that_moves_under_the_alias_gets_its_new_name_there() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    moved = {**all_to("apps/x", files), "src/db/store.ts": "apps/x/src/core/storage.ts"}

    assert rebased("@/db/store", files, moved) == "@/core/storage"
    assert rebased("@/db/store.js", files, moved) == "@/core/storage.js"


def test_a_file_that_moves_out_from_under_the_alias_is_named_by_another_one() -> None:
    files = {**FILES, "tsconfig.json": tsconfig({**AT, "~lib/*": ["lib/*"]})}
    moved = {**all_to("apps/x", files), "src/db/store.ts": "apps/x/lib/store.ts"}

    assert rebased("@/db/store", files, moved) == "~lib/store"


def test_a_file_that_moves_out_from_under_all_aliases_is_named_by_a_relative_path() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    moved = {**all_to("apps/x", files), "src/db/store.ts": "packages/db/store.ts"}

    assert rebased("@/db/store", files, moved) == "../../../packages/db/store"


def test_a_tsconfig_that_is_rewritten_on_the_way_counts_as_it_will_be() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    moved = {path: "apps/x/" + path.removeprefix("src/") for path in files}

    assert rebased("@/db/store", files, moved) == "./db/store"
    assert rebased("@/db/store", files, moved, rewritten={"tsconfig.json": tsconfig({"@/*": ["./*"]})}) == "@/db/store"


def test_an_exact_alias_of_one_file_stays_or_becomes_a_path_without_ending() -> None:
    files = {**FILES, "tsconfig.json": tsconfig({"db": ["src/db/index.ts"], "view": ["./src/ui/view.tsx"]})}

    assert rebased("db", files, all_to("apps/x", files)) == "db"
    assert rebased("db", files, all_to("apps/x", FILES)) == "./db"
    assert rebased("view", files, all_to("apps/x", FILES)) == "./ui/view"


def test_the_longest_beginning_decides_and_an_exact_key_before_it() -> None:
    paths = {"@/*": ["src/ui/*"], "@/db/*": ["src/db/*"], "@/db/store": ["src/main.ts"]}
    files = {**FILES, "tsconfig.json": tsconfig(paths)}
    moved = all_to("a", FILES)

    assert rebased("@/db/index", files, moved) == "./db/index"
    assert rebased("@/view", files, moved) == "./ui/view"
    assert rebased("@/db/store", files, moved) == "./main"


def test_targets_are_tried_in_their_order() -> None:
    files = {**FILES, "tsconfig.json": tsconfig({"@/*": ["src/db/*", "src/ui/*"]})}

    assert rebased("@/view", files, all_to("a", FILES)) == "./ui/view"


def test_a_base_url_names_files_and_leaves_packages_alone() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(baseUrl="./src")}

    assert rebased("db/store", files, all_to("a", files)) == "db/store"
    assert rebased("db/store", files, all_to("a", FILES)) == "./db/store"
    assert rebased("react", files, all_to("a", FILES)) == "react"


def test_paths_are_relative_to_the_base_url() -> None:
    files = {**FILES, "tsconfig.json": tsconfig({"@db": ["db"], "@ui/*": ["./ui/*"]}, baseUrl="src")}

    assert rebased("@db", files, all_to("a", FILES)) == "./db"
    assert rebased("@ui/view", files, all_to("a", FILES)) == "./ui/view"


@pytest.mark.parametrize("extends", ["./config/base.json", "./config/base", ["./none.json", "./config/base.json"]])
def test_what_a_tsconfig_extends_counts_relative_to_its_own_folder(extends: object) -> None:
    files = {
        **FILES,
        "tsconfig.json": json.dumps({"extends": extends, "compilerOptions": {"strict": True}}),
        "config/base.json": tsconfig({"@/*": ["../src/*"]}),
    }

    assert rebased("@/db/store", files, all_to("a", files)) == "@/db/store"
    assert rebased("@/db/store", files, all_to("a", FILES)) == "./db/store"


def test_config_dir_is_the_folder_of_the_tsconfig_that_extends() -> None:
    base = tsconfig({"@/*": ["${configDir}/src/*"]})
    files = {**FILES, "tsconfig.json": '{"extends": "./config/base.json"}', "config/base.json": base}

    assert rebased("@/db/store", files, all_to("a", FILES)) == "./db/store"


def test_a_tsconfig_of_references_has_the_aliases_of_those_beside_it() -> None:
    files = {
        **FILES,
        "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}]}',
        "tsconfig.app.json": tsconfig(AT),
    }

    assert rebased("@/db/store", files, all_to("a", FILES)) == "./db/store"


def test_the_nearest_tsconfig_decides() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT), "src/db/tsconfig.json": tsconfig({"@/*": ["./*"]})}

    assert rebased("@/store", files, all_to("a", FILES), importer="src/db/index.ts") == "./store"
    assert rebased("@/db/store", files, all_to("a", FILES)) == "./db/store"


def test_comments_trailing_commas_and_a_byte_order_mark_are_read() -> None:
    text = '\ufeff{\r\n  // aliases\r\n  "compilerOptions": {"paths": {"@/*": ["./src/*"],},},\r\n}'

    assert rebased("@/db", {**FILES, "jsconfig.json": text}, all_to("a", FILES)) == "./db"


def test_configurations_that_extend_each_other_end() -> None:
    files = {**FILES, "tsconfig.json": '{"extends": "./a.json"}', "a.json": '{"extends": "./tsconfig.json"}'}

    assert rebased("@/db", files, all_to("a", files)) == "@/db"


@pytest.mark.parametrize("text", ["{", "[]", '{"compilerOptions": {"paths": 3, "baseUrl": []}}', '{"extends": 1}'])
def test_a_tsconfig_that_says_nothing_readable_gives_no_alias(text: str) -> None:
    assert rebased("@/db", {**FILES, "tsconfig.json": text}, all_to("a", FILES)) == "@/db"


@pytest.mark.parametrize(
    ("specifier", "paths", "reason"),
    [
        ("@/gone", AT, "the alias '@/*' of tsconfig.json leads to no file of the unit"),
        ("@shared/x", {"@shared/*": ["../shared/*"]}, "the alias '@shared/*' of tsconfig.json leads out of the unit"),
        ("@/left", AT, "means src/left.ts, which no files rule moves"),
    ],
)
def test_what_cannot_be_told_is_listed(specifier: str, paths: Mapping[str, Any], reason: str) -> None:
    files = {**FILES, "tsconfig.json": tsconfig(paths), "src/left.ts": ""}
    moved = all_to("a", {path: "" for path in files if path != "src/left.ts"})

    outcome = rebased(specifier, files, moved)

    assert isinstance(outcome, Unresolvable)
    assert outcome.reason.startswith(reason)


def test_an_alias_that_leads_to_a_file_of_the_target_tree_stays() -> None:
    files = {**FILES, "tsconfig.json": tsconfig({"@shared/*": ["../../packages/shared/*"]})}
    moved = all_to("apps/x", files)

    assert rebased("@shared/log", files, moved, standing={"packages/shared/log.ts": ""}) == "@shared/log"


def test_an_alias_that_the_target_root_knows_stays() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    standing = {"tsconfig.json": tsconfig({"@/*": ["apps/x/src/*"]})}

    assert rebased("@/db/store", files, all_to("apps/x", FILES), standing=standing) == "@/db/store"


def test_an_alias_that_means_another_file_at_the_destination_is_not_kept() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    standing = {"tsconfig.json": tsconfig({"@/*": ["other/*"]}), "other/db/store.ts": ""}

    assert rebased("@/db/store", files, all_to("apps/x", FILES), standing=standing) == "./db/store"


@pytest.mark.parametrize("paths", [{"*": ["./types/*"]}, {"react": ["./node_modules/preact"]}])
def test_an_alias_for_everything_or_for_a_package_lists_no_package(paths: Mapping[str, Any]) -> None:
    files = {**FILES, "tsconfig.json": tsconfig(paths)}

    assert rebased("react", files, all_to("a", files)) == "react"


def test_a_unit_without_aliases_has_none() -> None:
    assert (
        alias_move({"a.ts": b"", "tsconfig.json": b"{}"}, {"a.ts": "x/a.ts"}, lambda _, content: content, {}.get)
        is None
    )


def test_config_files_that_the_rewriter_changes_keep_their_aliases() -> None:
    files = {**FILES, "tsconfig.json": tsconfig(AT)}
    moved = {path: "apps/x/" + path.replace("src/", "code/") for path in files}
    contents = {path: text.encode() for path, text in files.items()}
    relocation = Relocation(frozenset(files), moved, lambda _: False)
    rewriter = Rewriter(relocation, (), contents)

    aliases = alias_move(contents, moved, lambda path, content: rewriter.rewrite(path, content).content, {}.get)

    assert rebase("@/db/store", "src/main.ts", replace(relocation, aliases=aliases)) == "@/db/store"
