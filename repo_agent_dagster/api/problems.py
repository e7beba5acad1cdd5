"""What went wrong, as an answer: RFC 9457 problem details, each with what to do about it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from repo_agent_dagster.contracts.base import Contract
from repo_agent_dagster.contracts.faults import PermanentFault, RepoAgentError
from repo_agent_dagster.store.errors import StoreUnusableError
from repo_agent_dagster.store.task_requests import TaskIdTakenError, TaskStateError, UnknownTaskError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_INSIDE = ("body", "path", "query", "header")


class NotFound(PermanentFault):
    """What the path names does not exist."""


class Conflict(PermanentFault):
    """What was asked does not fit how things stand now."""


_STATUS_OF: Mapping[type[PermanentFault], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    UnknownTaskError: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TaskStateError: HTTPStatus.CONFLICT,
    TaskIdTakenError: HTTPStatus.CONFLICT,
    StoreUnusableError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class WrongPlace(Contract):
    """One thing that is wrong with a request: where, e.g. `payload.day` or `query limit`, and what."""

    place: str
    message: str


class Problem(Contract):
    """An error. `title` is the status in words, `detail` what was wrong here, `problems` each wrong place."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    problems: list[WrongPlace] = Field(default_factory=list)


def problem_response(
    status: int, detail: str, *, problems: Sequence[WrongPlace] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer for a problem."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, problems=list(problems))
    return JSONResponse(problem.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these errors."""
    return {int(status): {"model": Problem, "description": status.phrase} for status in statuses}


def tell_problems(app: FastAPI) -> None:
    """Make every error of the app a problem: faults, wrong input, unknown paths, and bugs (without their insides)."""
    app.add_exception_handler(RepoAgentError, _fault)
    app.add_exception_handler(RequestValidationError, _wrong_input)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def _fault(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, PermanentFault):
        return problem_response(503, str(error), headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    known = (status for kind, status in _STATUS_OF.items() if isinstance(error, kind))
    return problem_response(next(known, HTTPStatus.UNPROCESSABLE_ENTITY), str(error))


def _wrong_input(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    problems = [_wrong_place(found) for found in error.errors()]
    told = "; ".join(f"{one.place}: {one.message}" if one.place else one.message for one in problems)
    return problem_response(422, told, problems=problems)


def _wrong_place(found: Mapping[str, Any]) -> WrongPlace:
    """Return where and what, without the input: it may be long, or secret."""
    source, *steps = found["loc"] or ("body",)
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "json_invalid":
        return WrongPlace(place="", message=f"not JSON: {found['ctx']['error']} at character {steps[0]}")
    if source not in _INSIDE:
        source, steps = "body", [source, *steps]
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
    return WrongPlace(place=path if source == "body" else f"{source} {path}", message=message)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    detail = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}; /api/v1/openapi.json lists what there is"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}; use {allowed}"
    return problem_response(error.status_code, detail, headers=error.headers)


def _bug(_request: Request, _error: Exception) -> JSONResponse:
    # The error goes on to the server, which logs it and hangs up: the client must know that.
    detail = "the server failed on this request; its log has the reason"
    return problem_response(500, detail, headers={"Connection": "close"})
