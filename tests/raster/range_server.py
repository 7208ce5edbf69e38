"""Serves one file by ranges of bytes, as a store of rasters does, and prints its port; more arguments are headers.

A process of its own: GDAL asks while it holds Python's lock, so no thread of the same process could answer.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Ranges(BaseHTTPRequestHandler):
    content = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else b""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if not self.path.endswith("a.tif"):
            self.send_error(404)
            return
        first, last = 0, len(self.content) - 1
        wanted = self.headers.get("Range", "")
        if wanted:
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(start), min(last, int(end or last))
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        for header in sys.argv[2:]:
            self.send_header(*header.split(": ", 1))
        self.send_header("Content-Length", str(last + 1 - first))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(self.content)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.content[first : last + 1])

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
