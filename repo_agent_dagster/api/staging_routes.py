"""`/api/v1/staging` and `/staging`: how far each STAGING unit came, as JSON and as a page."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from repo_agent_dagster.api.messages import Label, UnitView
from repo_agent_dagster.api.problems import documented
from repo_agent_dagster.api.transactions import Store
from repo_agent_dagster.migration.reporting.dashboard import render_dashboard
from repo_agent_dagster.migration.reporting.unit_states import UnitState, unit_states
from repo_agent_dagster.store import staging_migrations

MIGRATIONS_READ = 5000


def staging_routes(store: Store, clock: Callable[[], datetime]) -> APIRouter:
    """Return the routes over this store."""
    routes = APIRouter(tags=["staging"])

    def states(unit: str | None = None) -> list[UnitState]:
        with store.reading() as conn:
            return unit_states(staging_migrations.listing(conn, unit=unit, limit=MIGRATIONS_READ))

    @routes.get("/api/v1/staging", responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY))
    def list_units(unit: Annotated[Label | None, Query(description="Only this unit.")] = None) -> list[UnitView]:
        """List the units, each with the state of its newest content."""
        return [UnitView.of(state) for state in states(unit)]

    @routes.get("/staging", include_in_schema=False)
    def staging_page() -> HTMLResponse:
        """Show all units as a page that needs nothing else."""
        return HTMLResponse(render_dashboard(states(), generated_at=clock()))

    return routes
