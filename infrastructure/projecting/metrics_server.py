"""Metrics server: lets Prometheus scrape a worker, over HTTP on this machine.

The format is a few lines of text and there is one page, so the standard library does: the client
library of Prometheus would bring a registry of its own, which nothing here needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast

from application.errors import BadRequestError, UnavailableError

HOST = "127.0.0.1"
PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIMEOUT_S = 5.0
"""Seconds that a client may take to ask."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, metrics: Callable[[], str]) -> None:
        self.metrics = metrics
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = TIMEOUT_S
    server_version = "hansard"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the metrics, or say why there are none."""
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"The metrics are at {PATH}.\n")
            return
        try:
            metrics = cast("_Server", self.server).metrics()
        except UnavailableError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n")
        else:
            self._answer(HTTPStatus.OK, metrics)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: a scrape every few seconds is no news."""

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(port: int, metrics: Callable[[], str]) -> Iterator[str]:
    """Serve metrics on a port of 127.0.0.1 (0: any that is free) while the context lasts.

    Yields:
        Their address.

    Raises:
        BadRequestError: the port cannot be used.
    """
    try:
        server = _Server(port, metrics)
    except OSError as error:
        raise BadRequestError(
            f"Metrics cannot be served on port {port} of {HOST}: {error.strerror}."
        ) from error
    thread = Thread(target=server.serve_forever, name="hansard-metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
