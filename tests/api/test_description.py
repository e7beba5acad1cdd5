"""What the API says of itself: the document is whole, needs nothing from elsewhere, and never changes by chance."""

import json

import httpx2

from repo_agent_dagster.contracts.tasks import PAYLOADS


def test_the_operations_are_these(client: httpx2.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    found = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert found == {
        "POST /api/v1/tasks/invoke": "invoke_task",
        "GET /api/v1/tasks": "list_tasks",
        "GET /api/v1/tasks/{task_id}": "get_task",
        "POST /api/v1/tasks/{task_id}/cancel": "cancel_task",
        "POST /api/v1/tasks/{task_id}/retry": "retry_task",
        "GET /api/v1/approvals": "list_approvals",
        "GET /api/v1/approvals/{approval_id}": "get_approval",
        "POST /api/v1/approvals/{approval_id}": "decide_approval",
        "GET /api/v1/staging": "list_units",
        "GET /healthz": "health",
    }


def test_the_payload_of_every_pathway_is_described(client: httpx2.Client) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    named = json.dumps(schemas["Invocation"]["properties"]["payload"])
    for model in PAYLOADS.values():
        assert f"/{model.__name__}" in named
        assert model.__name__ in schemas


def test_errors_are_described_as_what_they_are(client: httpx2.Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    problem = document["paths"]["/api/v1/approvals/{approval_id}"]["post"]["responses"]["409"]
    assert "Problem" in json.dumps(problem)


def test_the_document_is_the_same_bytes_every_time(client: httpx2.Client) -> None:
    assert client.get("/api/v1/openapi.json").content == client.get("/api/v1/openapi.json").content


def test_there_is_no_page_that_loads_scripts_from_elsewhere(client: httpx2.Client) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        missing = client.get(path)
        assert missing.status_code == 404
        assert "/api/v1/openapi.json" in missing.json()["detail"]


def test_a_method_that_a_path_does_not_take_is_told_with_those_it_takes(client: httpx2.Client) -> None:
    refused = client.delete("/api/v1/tasks")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert refused.json()["title"] == "Method Not Allowed"
