"""`smalti serve` as a process of its own, and its interface."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

TOKEN = "a-token-for-tests-0123456789"


class Server:
    """`smalti serve` as a process that can be killed and started again."""

    def __init__(self, data: Path, root: Path, *options: str) -> None:
        self._data, self._root, self._port, self._options = data, root, "0", options
        self.address = ""
        self.start()

    def start(self) -> None:
        """Starts it; again on the same port, which the system may have given to somebody else for a moment."""
        assert any(self._begin() or time.sleep(1) for _ in range(20)), "the server ended"
        while not self._answers():
            assert self._process.poll() is None, "the server ended"
            time.sleep(0.05)

    def _begin(self) -> bool:
        options = ["--data", str(self._data), "--root", str(self._root), "--port", self._port, *self._options]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "smalti", "serve", *options],
            env=os.environ | {"SMALTI_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.address, self._port = found[0], found[1]
                return True
        self.kill()
        return False

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/health") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """Ends it as a power cut does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def call(server: Server, path: str, body: Any = None) -> Any:
    """What the interface answers; a body makes it a POST."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.address}/api/{path}", data, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def make_map(server: Server, scene: str, model: str) -> Any:
    """A finished job."""
    job = call(server, "jobs", {"scene": scene, "model": model, "options": {"confidence": True}})
    for _ in range(1200):
        job = call(server, f"jobs/{job['id']}")
        if job["state"] not in ("queued", "running"):
            break
        time.sleep(0.1)
    assert job["state"] == "done", job["problem"]
    return job
