"""Reports in folders and in the artifact store: whole files under one name for all versions of an order."""

import json
from dataclasses import replace
from pathlib import Path

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.reports import DeliveryRequest
from repo_agent_dagster.pages.writing import write_whole
from repo_agent_dagster.reports.digest.generate import generate_digest
from tests.reports.publishing.conftest import Publishing, store_report
from tests.reports.sample_report import sample_report

NEXT_REQUEST = DeliveryRequest(requesters=["agent-a"], reasons=["Also for credit notes"], branches=[], prompts=[])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_order_is_a_folder_with_its_texts_page_and_charts(local: Publishing, tmp_path: Path) -> None:
    drawn = sample_report()
    told = {name: getattr(drawn, name) for name in ("phases", "timeline", "days", "operations", "factories")}
    store_report(local.engine, "42/../x", told=told)
    local.follow(f"file:{tmp_path}/out", order=None)

    done = local()

    [folder] = (tmp_path / "out").iterdir()
    assert done.done[0].place == str(folder)
    assert set(files(folder)) == {
        *("report.md", "report.json", "report.html"),
        *(f"charts/{name}.svg" for name in ("days", "factories", "operations", "timeline")),
    }
    assert json.loads((folder / "report.json").read_text())["orderId"] == "42/../x"
    for chart in folder.glob("charts/*.svg"):
        assert f"](charts/{chart.name})" in (folder / "report.md").read_text()
    assert (folder / "charts/days.svg").read_text().startswith("<svg")


def test_a_new_version_replaces_the_files_and_the_same_again_touches_none(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine)
    local.has_page()
    local.has_page(version=2)
    local.follow(f"file:{tmp_path}/out")
    local()
    [folder] = (tmp_path / "out").iterdir()
    (folder / "charts").mkdir()
    (folder / "charts/gone.svg").write_text("a chart of an older version")
    before = (folder / "report.html").stat().st_mtime_ns

    store_report(local.engine, version=2, told={"request": NEXT_REQUEST})
    local()

    assert "Also for credit notes" in (folder / "report.md").read_text()
    assert (folder / "report.html").stat().st_mtime_ns == before
    assert list(folder.rglob("*.svg")) == []


def test_the_artifact_store_gets_the_same_files(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine)
    local.has_page()
    local.follow(f"file:{tmp_path}/out")
    local.follow("artifact:reports/all")

    local()

    [folder] = (tmp_path / "out").iterdir()
    assert files(tmp_path / "artifacts/reports/all" / folder.name) == files(folder)


def test_a_folder_that_cannot_be_written_waits_and_the_others_go_on(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine)
    local.has_page()
    (tmp_path / "file").write_text("not a folder")
    local.follow(f"file:{tmp_path}/file")
    local.follow(f"file:{tmp_path}/out")

    done = local()
    (tmp_path / "file").unlink()
    later = local()

    assert ([one.target.address for one in done.done], done.waiting) == ([f"{tmp_path}/out"], 1)
    assert "cannot be written" in done.problems[0]
    assert [one.target.address for one in later.done] == [f"{tmp_path}/file"]


def test_failures_are_tried_again_after_ever_longer(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine)
    local.has_page()
    (tmp_path / "file").write_text("not a folder")
    local.follow(f"file:{tmp_path}/file")

    waits = []
    for _ in range(9):
        local()
        waits.append(local.state().next_attempt_at - local.now)
        local.now = local.state().next_attempt_at

    assert [wait.total_seconds() >= 30 * 2**n for n, wait in enumerate(waits)] == [True] * 9
    assert max(wait.total_seconds() for wait in waits) <= 6 * 3600
    assert local.state().attempts == 9


def test_one_report_that_cannot_be_drawn_does_not_keep_the_others(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine, "old", report_json={"schemaVersion": 1})
    store_report(local.engine, "new")
    local.has_page("new")
    local.follow(f"file:{tmp_path}/out", order=None)

    done = local()

    assert ([one.report_id for one in done.done], done.refused) == (["order new"], 1)
    assert "made by another version" in done.problems[0]


def test_an_artifact_store_that_refuses_is_told(local: Publishing, tmp_path: Path) -> None:
    store_report(local.engine)
    local.has_page()
    (tmp_path / "file").write_text("not a folder")
    local.means = replace(local.means, artifacts=lambda: ArtifactStore(tmp_path / "file"))
    local.follow("artifact:reports")

    done = local()

    assert done.done == []
    assert done.waiting + done.refused == 1


def test_a_target_of_the_settings_gets_all_orders_and_comes_back_after_its_end(
    local: Publishing, tmp_path: Path
) -> None:
    from repo_agent_dagster.reports.publishing.publisher import is_due
    from repo_agent_dagster.reports.publishing.targets import parsed_target
    from repo_agent_dagster.store import report_targets
    from repo_agent_dagster.store.engine import read_transaction, write_transaction

    store_report(local.engine)
    local.has_page()
    local.means = replace(local.means, targets=(parsed_target(f"file:{tmp_path}/out"),))
    with read_transaction(local.engine) as connection:
        before = is_due(connection, local.means, now=local.now)

    done = local()
    with write_transaction(local.engine) as connection:
        [target] = report_targets.matching(connection)
        after = is_due(connection, local.means, now=local.now)
        report_targets.end(connection, target.id, now=local.now)
        ended = is_due(connection, local.means, now=local.now)

    assert (len(done.done), before, after, ended) == (1, True, False, True)
    assert local().done == []  # it is there already


def test_a_weeks_digest_is_a_folder_beside_those_of_orders(local: Publishing, tmp_path: Path) -> None:
    made = generate_digest(local.engine, "2026-W10", reports_dir=local.means.reports_dir, now=local.now)
    write_whole(made.html_path, '<!doctype html><a href="../42-1f0c9a3b5d7e/v3.html">')
    local.follow(f"file:{tmp_path}/out", order=None)

    done = local()

    assert [one.report_id for one in done.done] == ["week 2026-W10"]
    found = files(tmp_path / "out" / "week-2026-W10")
    assert set(found) == {"report.md", "report.json", "report.html"}
    assert b'<a href="../42-1f0c9a3b5d7e/report.html">' in found["report.html"]
