"""The OpenAPI description: requests made up from it get only answers that it allows."""

import runpy
from pathlib import Path

import pytest

from tests.app.conftest import TOKEN, Server

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fuzz_app.py"


@pytest.mark.slow
def test_made_up_requests_get_described_answers(server: Server, scene: Path) -> None:
    found = server.upload(scene)
    job = server.mapped(found)
    tool = runpy.run_path(str(TOOL))
    options = ["--max-examples", "1", "--phases", "fuzzing", "--seed", "1"]
    address = str(server.http.base_url).rstrip("/")
    code, report = tool["check"](address, TOKEN, tool["begin"](server.http, job["id"]), server.folder, options)
    assert code == 0, report


def test_every_request_is_described_with_its_problems(server: Server) -> None:
    found = server.http.get("/api/openapi.json").json()
    assert found["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], (path, method)
            problems = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
            assert path == "/health" or "401" in problems
            assert all("application/problem+json" in problem["content"] for problem in problems.values())


def test_a_wrong_method_is_told_the_right_ones(server: Server) -> None:
    answer = server.http.put("/api/scenes")
    assert answer.status_code == 405 and answer.headers["allow"] == "GET, HEAD, POST"


def test_a_body_that_is_no_text_is_a_problem_like_others(server: Server) -> None:
    json = {"content-type": "application/json"}
    for body in (b"\xff\xfe", b"{", b"[" * 100_000):
        assert server.refused("POST", "/api/jobs", content=body, headers=json)["status"] == 422
    described = server.http.get("/api/openapi.json").json()["paths"]["/api/jobs"]["post"]["responses"]
    assert {"408", "413", "422"} <= set(described)
