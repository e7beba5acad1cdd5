"""The log sources that ``log-sources.yaml`` names, ready to be fetched from."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from repo_agent_dagster.artifacts import ArtifactStore
from repo_agent_dagster.contracts.log_sources import (
    ActionsProxySpec,
    DirectorySpec,
    GitHubActionsSpec,
    LogProxySpec,
    LogSourcesFile,
    ObjectStoreSpec,
)
from repo_agent_dagster.ops.options import OpsOptions
from repo_agent_dagster.ops.rule_files import read_rules
from repo_agent_dagster.ops.sources.directory import DirectorySource, embedded_sources
from repo_agent_dagster.ops.sources.landing import pages_folder
from repo_agent_dagster.ops.sources.object_store import ObjectStoreSource
from repo_agent_dagster.ops.sources.protocol import LogSource, SourceRefused

if TYPE_CHECKING:
    from repo_agent_dagster.github.actions import GitHubActions
    from repo_agent_dagster.ops.sources.http import HttpClient

Clock = Callable[[], datetime]


def load_sources(
    options: OpsOptions, *, now: Clock, environment: Mapping[str, str] | None = None
) -> Sequence[LogSource]:
    """Return the sources of the options' file, or the two folders where there is none.

    No source is asked yet. A token is taken from `environment` (default: this process's) when a fetch begins, so a
    variable that is missing stops its own source alone.

    Raises:
        PermanentFault: the file is missing, no YAML, or says something that cannot be; all mistakes at once.
    """
    if options.sources_file is None:
        return embedded_sources(options.worker_logs, options.build_logs)
    held = read_rules(options.sources_file, LogSourcesFile)
    # The one place where an engine looks there: the file's own variables are not settings.
    tokens = os.environ if environment is None else environment
    return [_source(spec, options, options.sources_file.parent, tokens, now) for spec in held.sources]


def _source(
    spec: DirectorySpec | ObjectStoreSpec | LogProxySpec | ActionsProxySpec | GitHubActionsSpec,
    options: OpsOptions,
    base: Path,
    tokens: Mapping[str, str],
    now: Clock,
) -> LogSource:
    match spec:
        case DirectorySpec():
            return DirectorySource(base / Path(spec.folder).expanduser(), spec.logs, spec.name)
        case ObjectStoreSpec():
            return ObjectStoreSource(ArtifactStore(spec.url), spec.logs, spec.name)
        case LogProxySpec() | ActionsProxySpec():
            return _proxy(spec, options, tokens, now)
        case GitHubActionsSpec():
            return _actions(spec, options, tokens, now)


def _proxy(
    spec: LogProxySpec | ActionsProxySpec, options: OpsOptions, tokens: Mapping[str, str], now: Clock
) -> LogSource:
    from repo_agent_dagster.ops.sources.proxy import BUILDS_PATH, WORKERS_PATH, ProxySource

    is_worker = isinstance(spec, LogProxySpec)
    return ProxySource(
        name=spec.name,
        kind="worker" if is_worker else "build",
        path=WORKERS_PATH if is_worker else BUILDS_PATH,
        connect=partial(_http, spec, spec.url, partial(_token, spec.name, spec.token_env, tokens), now),
        landing=options.landing,
        asks_for=spec.asks_for,
        most_hours=spec.most_hours,
        clock=now,
    )


def _actions(spec: GitHubActionsSpec, options: OpsOptions, tokens: Mapping[str, str], now: Clock) -> LogSource:
    from repo_agent_dagster.ops.sources.actions import ActionsSource

    url = spec.api_url or options.github_api_url
    token = partial(_token, spec.name, spec.token_env, tokens) if spec.token_env else lambda: options.github_token
    return ActionsSource(
        name=spec.name,
        connect=partial(_github, spec, url, token, pages_folder(options.landing, spec.name)),
        download=partial(_http, spec, url, token, now),
        repositories=spec.repositories,
        organization=spec.organization,
        most_repositories=spec.most_repositories,
        clock=now,
    )


def _token(name: str, variable: str | None, tokens: Mapping[str, str]) -> SecretStr:
    if variable is None:
        return SecretStr("")
    value = tokens.get(variable, "").strip()
    if not value:
        raise SourceRefused(f"source {name}: the environment variable {variable}, which token_env names, is not set")
    return SecretStr(value)


def _http(
    spec: LogProxySpec | ActionsProxySpec | GitHubActionsSpec, url: str, token: Callable[[], SecretStr], now: Clock
) -> "HttpClient":
    from repo_agent_dagster.ops.sources.http import HttpClient, HttpManners

    manners = HttpManners(longest_wait=timedelta(seconds=spec.longest_wait_seconds))
    # GitHub's logs lie in a blob store; a proxy tells its lines itself.
    return HttpClient(url, token(), manners, may_leave=isinstance(spec, GitHubActionsSpec), clock=now)


def _github(spec: GitHubActionsSpec, url: str, token: Callable[[], SecretStr], pages: Path) -> "GitHubActions":
    from repo_agent_dagster.github.actions import GitHubActions
    from repo_agent_dagster.github.known_pages import KnownPages

    longest_wait = timedelta(seconds=spec.longest_wait_seconds)
    github = GitHubActions(token().get_secret_value(), base_url=url, longest_wait=longest_wait)
    github.known_pages = KnownPages(pages)
    return github
