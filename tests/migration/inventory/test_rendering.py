"""An inventory as Markdown and as a page: complete, escaped, the same each time, and alive in a browser."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repo_agent_dagster.migration.inventory import UnitInventory, describe, render_html, render_markdown
from repo_agent_dagster.migration.units.contents import UnitContents, UnitFile
from tests.migration.inventory.conftest import Described

CHROMIUM = "/usr/bin/chromium"
FILES = {
    "src/a.ts": "// Sells.\nimport './b';\nimport '../../utils';\nimport 'left-pad';\ndb.query('SELECT 1');\n",
    "src/b.ts": "export const b = 1;\n",
    "src/b.test.ts": "import './b';\nit('is', () => {});\n",
    "LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy",
}
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture
def shop(described: Described) -> UnitInventory:
    return described(FILES)


@pytest.fixture
def hostile() -> UnitInventory:
    """A unit whose names, comments, specifiers and versions all try to become markup."""
    texts = {
        f"{HOSTILE.replace('/', '')}.ts": f"// {HOSTILE} | a | [b](c)\nimport '../{HOSTILE}';\nimport 'x';\n",
        "package.json": '{"name": "<b>", "description": "<script>alert(1)</script>", "dependencies": {"<i>": "<u>"}}',
    }
    files = tuple(UnitFile(path, text.encode(), False) for path, text in sorted(texts.items()))
    return describe(UnitContents(Path("/nowhere/<unit>"), files, (), "d"))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_markdown_tells_all_facts_of_a_unit(shop: UnitInventory) -> None:
    text = render_markdown(shop)

    assert text.startswith("# Inventory of shop\n")
    assert "| `src/a.ts` | TypeScript | Sells. | 5 | sql |" in text
    assert "- `src/a.ts:3`: `../../utils` climbs out of the unit" in text
    assert "| `left-pad` | npm | `not given` | undeclared | 1 |" in text
    assert "**Tests**: 1 files, 1 cases" in text
    assert "MIT (3)" in text
    assert "How value and effort are counted" in text


def test_several_units_begin_with_an_overview(shop: UnitInventory, hostile: UnitInventory) -> None:
    assert render_markdown([shop, hostile]).startswith("# Inventory of 2 units\n")
    assert render_html([shop, hostile]).count('<section id="unit-') == 2
    assert "0 units" in render_html([])


def test_the_page_is_one_file_that_asks_for_nothing(shop: UnitInventory) -> None:
    page = render_html(shop)

    tags = _Tags()
    tags.feed(page)
    assert not {"link", "img", "iframe", "object"} & set(tags.opened)
    assert tags.opened.count("script") == 1
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=\"(?!#)", page)


def test_what_comes_from_a_unit_is_text_and_never_markup(hostile: UnitInventory) -> None:
    tags = _Tags()
    tags.feed(render_html(hostile))

    assert tags.opened.count("script") == 1
    assert not {"img", "i", "u"} & set(tags.opened)
    assert "onerror" not in tags.attributes
    assert "<script>" not in re.sub(r"`[^`]*`", "", render_markdown(hostile)), "code spans alone hold it as it is"


def test_the_same_unit_gives_the_same_page(shop: UnitInventory) -> None:
    assert render_html(shop) == render_html([shop])
    assert render_markdown(shop) == render_markdown([shop])


def _browse(tmp_path: Path, page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    profile = tmp_path / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += [f"--user-data-dir={profile}", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@pytest.mark.browser
def test_a_browser_sorts_and_filters_and_runs_nothing_from_the_data(
    tmp_path: Path, shop: UnitInventory, hostile: UnitInventory
) -> None:
    page = tmp_path / "inventory.html"
    # Pressing and typing from the page itself: the policy allows only the page's own script, so it is lifted here.
    press = (
        "const table = document.querySelector('table.files');"
        "const shown = () => [...table.tBodies[0].rows].filter((row) => !row.hidden);"
        "const names = () => shown().map((row) => row.cells[0].textContent);"
        "table.querySelectorAll('th button')[3].click(); const sorted = names().join(' ');"
        "const filter = table.closest('.card').querySelector('input'); filter.value = 'test src';"
        "filter.dispatchEvent(new Event('input')); document.body.dataset.seen = sorted + ' / ' + names().join(' ');"
    )
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", render_html([shop, hostile]))
    page.write_text(text.replace("</body>", f"<script>{press}</script></body>"), encoding="utf-8")
    moved = _browse(tmp_path, page, "--dump-dom")
    page.write_text(render_html([hostile]), encoding="utf-8")
    quiet = _browse(tmp_path, page, "--dump-dom")

    assert 'data-seen="src/a.ts src/b.test.ts src/b.ts LICENSE / src/b.test.ts"' in moved.stdout.replace(
        "LICENSE src/b.ts", "src/b.ts LICENSE"
    )
    assert "<title>&lt;unit&gt;" in quiet.stdout
    assert "CONSOLE" not in quiet.stderr, "the page logged an error or was refused a request"


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [(0, 400), (1, 1280)])
def test_a_browser_paints_the_page_in_both_schemes(
    tmp_path: Path, shop: UnitInventory, scheme: int, width: int
) -> None:
    page, picture = tmp_path / "inventory.html", tmp_path / "inventory.png"
    page.write_text(render_html(shop), encoding="utf-8")

    painted = (
        f"--screenshot={picture}",
        f"--window-size={width},900",
        f"--blink-settings=preferredColorScheme={scheme}",
    )
    _browse(tmp_path, page, *painted)

    assert picture.stat().st_size > 15_000, "an empty page compresses to less"
