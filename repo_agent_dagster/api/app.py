"""The app, assembled: what guards it, what it serves, and how it tells errors."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from repo_agent_dagster import __version__
from repo_agent_dagster.api.access import Access, is_loopback
from repo_agent_dagster.api.approval_routes import approval_routes
from repo_agent_dagster.api.bodies import BoundedBodies
from repo_agent_dagster.api.messages import Health
from repo_agent_dagster.api.problems import problem_response, tell_problems
from repo_agent_dagster.api.staging_routes import staging_routes
from repo_agent_dagster.api.task_routes import task_routes
from repo_agent_dagster.api.transactions import Store
from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.settings import Settings
from repo_agent_dagster.store import task_requests
from repo_agent_dagster.store.revision import open_upgraded

TOKEN_LENGTH = 16
"""Characters that a token has at least: a shorter one can be guessed."""
REQUESTS_AT_ONCE = 15
"""Requests that are worked on at once: as many as the store has connections; others wait in line."""


class UnsafeApi(PermanentFault):
    """The API would be open to others without a token that keeps them out."""


def utc_now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)


def create_app(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the app over the settings' store, which is upgraded if it was not.

    Raises:
        UnsafeApi: there is no token and the address is not loopback's, or the token is too short.
        StoreUnreachableError: the database does not answer.
        StoreUnusableError: what answers is no store of ours, or a newer one.
    """
    token = settings.api_token.get_secret_value()
    _refuse_unsafe(settings.api_host, token)
    store = Store(open_upgraded(settings.store_url))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = REQUESTS_AT_ONCE
        yield
        store.engine.dispose()

    app = FastAPI(
        title="repo-agent",
        summary="The control plane for AI work on repositories: its queue, approvals and STAGING units.",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    # It documents the scheme and checks nothing: `Access` has done that before any route is looked for.
    documented_token = [Depends(HTTPBearer(auto_error=False, description="The setting REPO_AGENT_API_TOKEN."))]
    app.include_router(task_routes(settings, store, clock), dependencies=documented_token)
    app.include_router(approval_routes(store, clock), dependencies=documented_token)
    app.include_router(staging_routes(store, clock), dependencies=documented_token)

    @app.get("/healthz", response_model=Health, tags=["health"])
    def health() -> Health | JSONResponse:
        """Tell whether the server can serve: 503 while its store does not answer."""
        try:
            with store.reading() as conn:
                task_requests.pending(conn, limit=1)
        except RepoAgentError:
            return problem_response(503, "the store does not answer")  # where it is, is not for everybody
        return Health(status="ok")

    tell_problems(app)
    app.add_middleware(BoundedBodies)
    app.add_middleware(Access, token=token, names=settings.api_names)  # added last, asked first
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _refuse_unsafe(host: str, token: str) -> None:
    if not token and not is_loopback(host):
        raise UnsafeApi(
            f"listening on {host} without a token would serve anybody; set REPO_AGENT_API_TOKEN, or listen on 127.0.0.1"
        )
    if token and len(token) < TOKEN_LENGTH:
        raise UnsafeApi(
            f"REPO_AGENT_API_TOKEN has {len(token)} characters, at least {TOKEN_LENGTH} are needed; make one:"
            " python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
