"""moto's server of S3 on the loopback; prints its port.

A process of its own: GDAL asks while it holds Python's lock.
"""

import logging
import sys

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), True)
    print(server.server_port, flush=True)
    sys.stderr = open("/dev/null", "w")  # noqa: SIM115, PTH123  connections that are cut on purpose
    server.serve_forever()
