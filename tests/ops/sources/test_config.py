"""The file log-sources.yaml."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from repo_agent_dagster.contracts.faults import PermanentFault
from repo_agent_dagster.contracts.schemas import json_schema
from repo_agent_dagster.ops.options import OpsOptions, options_of
from repo_agent_dagster.ops.sources.actions import ActionsSource
from repo_agent_dagster.ops.sources.checking import check
from repo_agent_dagster.ops.sources.config import load_sources
from repo_agent_dagster.ops.sources.directory import DirectorySource
from repo_agent_dagster.ops.sources.object_store import ObjectStoreSource
from repo_agent_dagster.ops.sources.protocol import LogSource, SourceRefused, Window
from repo_agent_dagster.ops.sources.proxy import ProxySource
from repo_agent_dagster.settings import Settings

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.fixture
def options(tmp_path: Path) -> OpsOptions:
    return options_of(Settings(home=tmp_path, github_token=SecretStr("t"), log_sources=tmp_path / "log-sources.yaml"))


def load(options: OpsOptions, text: str, **environment: str) -> list[LogSource]:
    assert options.sources_file is not None
    options.sources_file.write_text(text)
    return list(load_sources(options, now=lambda: NOW, environment=environment))


def refusal(options: OpsOptions, text: str) -> str:
    with pytest.raises(PermanentFault) as fault:
        load(options, text)
    return str(fault.value)


def test_without_a_file_there_are_the_two_folders(tmp_path: Path) -> None:
    sources = load_sources(options_of(Settings(home=tmp_path)), now=lambda: NOW)
    assert [(source.name, source.kind) for source in sources] == [
        ("worker-directory", "worker"),
        ("build-directory", "build"),
    ]


def test_the_example_of_the_page_names_a_source_of_each_kind(options: OpsOptions) -> None:
    page = (ROOT / "docs/log-sources.md").read_text()
    (example,) = re.findall(r"```yaml\n(sources:.*?)```", page, re.DOTALL)
    sources = load(options, example)
    assert {type(source) for source in sources} == {DirectorySource, ObjectStoreSource, ProxySource, ActionsSource}
    assert len(sources) == 5


def test_several_sources_of_a_kind_are_several(options: OpsOptions) -> None:
    text = """
sources:
  - {kind: log-proxy, name: eu, url: https://eu.proxy.test, token_env: EU_TOKEN}
  - {kind: log-proxy, name: us, url: https://us.proxy.test}
"""
    assert [source.name for source in load(options, text)] == ["eu", "us"]


def test_a_relative_folder_counts_from_the_file(options: OpsOptions, tmp_path: Path) -> None:
    (source,) = load(options, "sources: [{kind: directory, name: a, logs: worker, folder: logs/a}]")
    assert isinstance(source, DirectorySource)
    assert source.folder == tmp_path / "logs" / "a"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sources: [{kind: ftp, name: a}]", "sources.0: "),
        ("sources: [{kind: directory, name: a, logs: worker, folder: x, colour: red}]", "sources.0.directory.colour"),
        ("sources: [{kind: log-proxy, name: a, url: proxy.test}]", "https://"),
        ("sources: [{kind: log-proxy, name: a, url: 'https://u:p@proxy.test'}]", "credentials"),
        ("sources: [{kind: log-proxy, name: a, url: 'https://proxy.test/?a=1'}]", "before ?"),
        ("sources: [{kind: log-proxy, name: a, url: 'http://proxy.test', token_env: T}]", "plain http"),
        ("sources: [{kind: log-proxy, name: a, url: 'https://proxy.test', token_env: abc-def}]", "token_env"),
        ("sources: [{kind: github-actions, name: a}]", "name repositories, or an organization"),
        ("sources: [{kind: github-actions, name: a, repositories: [shop]}]", "owner/name"),
        ("sources: [{kind: object-store, name: a, logs: worker, url: bucket}]", "s3://"),
        ("sources: [{kind: directory, name: 'a b', logs: worker, folder: x}]", "use letters"),
        ("sources: []", "names no source"),
        ("sources", "the file"),
        ("sources: [", "no YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(options: OpsOptions, text: str, told: str) -> None:
    said = refusal(options, text)
    assert told in said
    assert "log-sources.yaml" in said


def test_two_sources_of_one_name_are_refused(options: OpsOptions) -> None:
    one = "{kind: directory, name: a, logs: worker, folder: x}"
    assert "two sources are called A" in refusal(options, f"sources: [{one}, {one.replace('name: a', 'name: A')}]")


@pytest.mark.parametrize("field", ["token", "password", "api_key", "Authorization"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(options: OpsOptions, field: str) -> None:
    secret = "made-up-" + "secret-value"
    said = refusal(options, f"sources: [{{kind: log-proxy, name: a, url: 'https://p.test', {field}: {secret}}}]")
    assert "token_env" in said
    assert secret not in said


@pytest.mark.parametrize("token", ["ghp_" + "a1" * 18, "AKIA" + "Q7" * 8, "eyJhbGciOi.J9"])
def test_a_token_where_the_name_of_its_variable_belongs_is_refused_and_not_repeated(
    options: OpsOptions, token: str
) -> None:
    said = refusal(options, f"sources: [{{kind: log-proxy, name: a, url: 'https://p.test', token_env: {token}}}]")
    assert "the token itself belongs into the variable" in said
    assert token not in said


def test_all_mistakes_are_told_at_once(options: OpsOptions) -> None:
    said = refusal(options, "sources: [{kind: directory, name: a, logs: cron}, {kind: log-proxy, name: b}]")
    assert len(said.splitlines()) == 3


def test_a_variable_that_is_not_set_stops_its_own_source_only(options: OpsOptions) -> None:
    text = "sources: [{kind: log-proxy, name: a, url: 'https://p.test', token_env: NOT_SET}]"
    (source,) = load(options, text)
    with pytest.raises(SourceRefused, match="NOT_SET"):
        list(source.fetch(Window.of_day(date(2026, 3, 3), lateness=timedelta(0))))


def test_a_check_says_what_is_wrong_and_raises_nothing(options: OpsOptions, tmp_path: Path) -> None:
    text = """
sources:
  - {kind: directory, name: there, logs: worker, folder: here}
  - {kind: directory, name: gone, logs: worker, folder: nowhere}
  - {kind: github-actions, name: gh, repositories: [acme/shop], token_env: NOT_SET}
"""
    (tmp_path / "here").mkdir()
    checks = [check(source) for source in load(options, text)]
    assert [(one.name, one.ok) for one in checks] == [("there", True), ("gone", False), ("gh", False)]
    assert "NOT_SET" in checks[2].detail


def test_the_file_has_a_json_schema() -> None:
    schema = json_schema("LogSourcesFile")
    assert set(schema["$defs"]) == {
        "ActionsProxySpec",
        "DirectorySpec",
        "GitHubActionsSpec",
        "LogProxySpec",
        "ObjectStoreSpec",
    }
