"""The examples of docs/how-to/serve.md run as they stand, against a server that works."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rasterio

from tests.app.conftest import TOKEN, Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "serve.md"


@pytest.mark.slow
@pytest.mark.parametrize("language", ["python", "bash"])
def test_the_client_of_the_page_maps_a_scene(language: str, server: Server, scene: Path) -> None:
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert (
        language == "bash" or len([line for line in code.splitlines() if line and not line.startswith("import")]) <= 10
    )
    address = str(server.http.base_url).rstrip("/")
    environment = {**os.environ, "SMALTI": address, "SMALTI_TOKEN": TOKEN}
    program = [sys.executable, "-c"] if language == "python" else ["bash", "-euc"]
    ended = threading.Event()
    worker = threading.Thread(target=lambda: [server.work() for _ in iter(lambda: ended.wait(0.2), True)])
    worker.start()
    try:
        done = subprocess.run(
            [*program, code.replace("landcover", "tiny")],
            cwd=server.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        ended.set()
        worker.join()
    assert done.returncode == 0, done.stderr
    assert '"state":"done"' in done.stdout or language == "python"
    with rasterio.open(server.folder / "map.tif") as file:
        assert (file.read(1)[0, [50, 150, 250]] == [0, 1, 2]).all()
