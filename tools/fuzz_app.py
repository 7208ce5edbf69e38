#!/usr/bin/env python3
"""Sends made-up requests to the app by its OpenAPI description: `python tools/fuzz_app.py [EXAMPLES]`.

Schemathesis derives them, wrong ones too, and checks that each answer is one that the description allows. The suite
does the same with few examples.
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

[[operations]]
include-name = "POST /api/uploads"
checks = {{ positive_data_acceptance = {{ enabled = false }} }}  # the bytes of an image cannot be described

[[operations]]
include-name = "POST /api/scenes"
checks = {{ positive_data_acceptance = {{ enabled = false }} }}  # nor can what lies in a folder
"""


def check(address: str, token: str, ids: tuple[str, str], folder: Path, options: list[str]) -> tuple[int, str]:
    """Checks a running server that has the scene and the job of `ids`: the exit code of schemathesis and its report."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(scene=ids[0], job=ids[1]))
    program = str(Path(sys.executable).parent / "schemathesis")
    command = [program, "--config-file", str(config), "run", f"{address}/api/openapi.json", "--no-color"]
    command += ["-H", f"Authorization: Bearer {token}", "--request-timeout", "60", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main(examples: str = "50") -> int:
    """Starts a server of its own, maps a picture there, and checks it."""
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
            code, report = check(address, TOKEN, (scene, job), folder, ["--max-examples", examples])
        finally:
            server.terminate()
            server.wait()
    print(report)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
