"""Whatever moves where: an alias means the moved same file after the migration, or is listed."""

import json
import posixpath
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from repo_agent_dagster.migration.rewriting.aliases import alias_move
from repo_agent_dagster.migration.rewriting.resolve import Relocation, Unresolvable, rebase
from repo_agent_dagster.migration.rewriting.typescript_files import find_file, place_of

_FOLDERS = ["src", "src/db", "src/ui", "lib", "lib/deep"]
_NAMES = ["index.ts", "store.ts", "view.tsx", "types.d.ts", "data.json", "old.js"]
_PATHS = st.lists(
    st.builds(posixpath.join, st.sampled_from(_FOLDERS), st.sampled_from(_NAMES)), min_size=2, max_size=8, unique=True
)
_ALIASES = st.dictionaries(
    st.sampled_from(["@/*", "~lib/*", "@db/*", "@db", "*"]),
    st.sampled_from(["src/*", "lib/*", "src/db/*", "src/ui/*", "./lib/deep/*"]),
    min_size=1,
    max_size=3,
)
_PLACES = st.dictionaries(
    st.sampled_from(_FOLDERS), st.sampled_from(["src", "src/db", "lib", "one", "two/three"]), max_size=3
)


@st.composite
def moving_units(draw: st.DrawFn) -> tuple[list[str], dict[str, str], dict[str, str], bool]:
    """Paths, where they go, the aliases, and whether the tsconfig moves along."""
    paths = draw(_PATHS)
    places = draw(_PLACES)
    moved: dict[str, str] = {}
    for path in paths:
        folder, name = posixpath.split(path)
        new = f"apps/x/{places.get(folder, folder)}/{name}"
        if new not in moved.values():  # what finds its place taken does not move
            moved[path] = new
    aliases = {key: target if "*" in key else target.replace("*", "index.ts") for key, target in draw(_ALIASES).items()}
    return paths, moved, aliases, draw(st.booleans())


def reading(aliases: dict[str, str]) -> Callable[[str, str, frozenset[str]], str | None]:
    """A plain reading of what TypeScript does with one tsconfig whose aliases have one target each."""

    def meant(specifier: str, importer: str, files: frozenset[str]) -> str | None:
        root = "apps/x/" if importer.startswith("apps/") else ""
        if specifier.startswith("."):
            only = specifier.endswith(("/", "/..", "/.")) or specifier in {".", ".."}
            hit = find_file(place_of(specifier, importer), files, folder_only=only)
            return None if hit is None else hit.path
        keys = [key for key in aliases if key == specifier]
        keys += sorted(
            (key for key in aliases if "*" in key and specifier.startswith(key[:-1])), key=lambda key: -len(key)
        )
        if not keys:
            return None
        rest = specifier.removeprefix(keys[0].removesuffix("*"))
        hit = find_file(place_of(root + aliases[keys[0]].replace("*", rest), ""), files)
        return None if hit is None else hit.path

    return meant


@settings(max_examples=300, deadline=None)
@given(moving_units(), st.data())
def test_an_alias_that_resolved_means_the_same_file_at_its_new_place(
    unit: tuple[list[str], dict[str, str], dict[str, str], bool], data: st.DataObject
) -> None:
    paths, moved, aliases, config_moves = unit
    importer = data.draw(st.sampled_from(sorted(moved)))
    key = data.draw(st.sampled_from(sorted(aliases)))
    target = data.draw(st.sampled_from(paths))
    prefix = aliases[key].removeprefix("./").partition("*")[0]
    rest = target.removeprefix(prefix)
    written = data.draw(st.sampled_from([rest, rest.partition(".")[0], posixpath.dirname(rest) or rest]))
    specifier = key.replace("*", written)
    config = json.dumps({"compilerOptions": {"paths": {one: [to] for one, to in aliases.items()}}}).encode()
    contents = dict.fromkeys(paths, b"") | {"tsconfig.json": config}
    all_moved = moved | ({"tsconfig.json": "apps/x/tsconfig.json"} if config_moves else {})
    move = alias_move(contents, all_moved, lambda _, content: content, {}.get)
    relocation = Relocation(frozenset(contents), all_moved, lambda _: False, move)

    outcome = rebase(specifier, importer, relocation)

    before = reading(aliases)(specifier, importer, frozenset(contents))
    after = reading(aliases if config_moves else {})
    if before is None or before not in all_moved:
        assert isinstance(outcome, Unresolvable) or outcome == specifier
    else:
        assert isinstance(outcome, str)
        assert after(outcome, all_moved[importer], frozenset(all_moved.values())) == all_moved[before]


@settings(max_examples=100, deadline=None)
@given(moving_units(), st.data())
def test_re_basing_what_was_re_based_changes_nothing(
    unit: tuple[list[str], dict[str, str], dict[str, str], bool], data: st.DataObject
) -> None:
    paths, moved, aliases, _ = unit
    importer = data.draw(st.sampled_from(sorted(moved)))
    specifier = data.draw(st.sampled_from(sorted(aliases))).replace(
        "*", posixpath.basename(data.draw(st.sampled_from(paths)))
    )
    config = json.dumps({"compilerOptions": {"paths": {one: [to] for one, to in aliases.items()}}}).encode()
    contents = dict.fromkeys(paths, b"") | {"tsconfig.json": config}
    all_moved = moved | {"tsconfig.json": "apps/x/tsconfig.json"}
    move = alias_move(contents, all_moved, lambda _, content: content, {}.get)
    once = rebase(specifier, importer, Relocation(frozenset(contents), all_moved, lambda _: False, move))
    if isinstance(once, Unresolvable):
        return
    there = {new: contents[old] for old, new in all_moved.items()}
    stays = {path: path for path in there}
    still = alias_move(there, stays, lambda _, content: content, {}.get)

    again = rebase(once, moved[importer], Relocation(frozenset(there), stays, lambda _: False, still))

    assert again == once or isinstance(again, Unresolvable)
