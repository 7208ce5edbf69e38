#!/usr/bin/env python3
"""Sends made-up requests to the app by its OpenAPI description: `python tools/fuzz_app.py [EXAMPLES [OPTION ...]]`.

Schemathesis derives them, wrong ones too, and checks that each answer is one that the description allows. The suite
does the same with few examples. Options are those of schemathesis, such as `--include-tag lessons`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from PIL import Image

TOKEN = "a-token-for-made-up-requests"
CONFIG = """
[parameters]
"path.scene" = "{scene}"
"path.job" = "{job}"
"path.layer" = "classes"
"path.lesson" = "{lesson}"

[[operations]]
include-name = "POST /api/uploads"
checks = {{ positive_data_acceptance = {{ enabled = false }} }}  # the bytes of an image cannot be described

[[operations]]
include-name = "POST /api/scenes"
checks = {{ positive_data_acceptance = {{ enabled = false }} }}  # nor can what lies in a folder

[[operations]]
include-tag = "lessons"
# nor what lies on a scene; and a class or a scene of the body may be missing, too
checks = {{ positive_data_acceptance = {{ enabled = false }}, ensure_resource_availability = {{ enabled = false }} }}

[[operations]]
include-name = "GET /api/lessons/{{lesson}}/scenes/{{scene}}/tiles/{{z}}/{{x}}/{{y}}.png"
checks = {{ negative_data_rejection = {{ enabled = false }} }}  # what is wrong there is replaced by the ids above

[[operations]]
include-name = "DELETE /api/lessons/{{lesson}}"
parameters = {{ "path.lesson" = "{spare}" }}
"""


def begin(http: httpx.Client, job: str) -> dict[str, str]:
    """Begins a lesson with strokes on the scene of a job, and another one to be removed; the ids of all."""
    scene = http.get(f"/api/jobs/{job}").json()["scene"]
    lesson, spare = (http.post("/api/lessons", json={"scene": scene}).json()["id"] for _ in range(2))
    for label, row in (("road", 60.0), ("land", 120.0)):
        stroke = {"class": label, "line": [[60.0, row], [110.0, row]], "size": 12}
        http.post(f"/api/lessons/{lesson}/scenes/{scene}/strokes", json=stroke).raise_for_status()
    return {"scene": scene, "job": job, "lesson": lesson, "spare": spare}


def check(address: str, token: str, ids: dict[str, str], folder: Path, options: list[str]) -> tuple[int, str]:
    """Checks a running server that has what `begin` began: the exit code of schemathesis and its report."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(**ids), encoding="utf-8")
    program = str(Path(sys.executable).parent / "schemathesis")
    command = [program, "--config-file", str(config), "run", f"{address}/api/openapi.json", "--no-color"]
    command += ["-H", f"Authorization: Bearer {token}", "--request-timeout", "60", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main(examples: str = "50", *options: str) -> int:
    """Starts a server of its own, maps a picture there, begins a lesson, and checks it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = folder / "picture.png"
        Image.new("RGB", (300, 200), (90, 120, 80)).save(picture)
        command = [sys.executable, "-m", "smalti", "serve", "--port", "0", "--data", "data", "--root", name]
        server = subprocess.Popen(
            command, cwd=name, env={**os.environ, "SMALTI_TOKEN": TOKEN}, stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout
            address = server.stdout.readline().strip().rstrip("/")
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as http:
                scene = http.post("/api/scenes", json={"path": str(picture)}).json()["scenes"][0]["id"]
                job = http.post("/api/jobs", json={"scene": scene}).json()["id"]
                http.get(f"/api/jobs/{job}/events", timeout=600)
                ids = begin(http, job)
            code, report = check(address, TOKEN, ids, folder, ["--max-examples", examples, *options])
        finally:
            server.terminate()
            server.wait()
    print(report)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
