"""Server: listens on a free local port, checks every request and answers by a script."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, Self

from tests.support.messages_api.replies import (
    Answer,
    BrokenStream,
    Foreign,
    Refusal,
    Reply,
    Silence,
    events,
    message,
)
from tests.support.messages_api.rules import RefusedError, check_body, check_headers

KEY = "sk-ant-stand-in-0123456789"
PATH = "/v1/messages"

Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]
"""Replies in the order of the requests, or a function from a request's body to its reply."""


@dataclass(frozen=True)
class Received:
    """A request that kept the rules; names of headers are in lower case."""

    headers: dict[str, str]
    body: dict[str, Any]


class MessagesApi:
    """The stand-in while its context lasts.

    Attributes:
        requests: those that kept the rules, in order.
        refusals: messages of the requests that broke a rule; a test may demand that it is empty.
        arrived: set when a request that kept the rules has come.
        left: set when a client went away before its answer was complete.
    """

    def __init__(self, script: Script, key: str = KEY) -> None:
        self.requests: list[Received] = []
        self.refusals: list[str] = []
        self.arrived = threading.Event()
        self.left = threading.Event()
        self.key = key
        self._script = script
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def base_url(self) -> str:
        """Address to give to clients."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def reply(self, received: Received) -> tuple[int, Reply]:
        """Note a request and find its number and reply."""
        try:
            check_headers(received.headers, self.key)
            check_body(received.body)
        except RefusedError as error:
            self.refusals.append(error.refusal.message)
            return 0, error.refusal
        with self._lock:
            self.requests.append(received)
            self.arrived.set()
            number = len(self.requests)
            if callable(self._script):
                return number, self._script(received.body)
            if number <= len(self._script):
                return number, self._script[number - 1]
        self.refusals.append(f"request {number} is one more than the script has replies for")
        return number, Refusal(500, "api_error", self.refusals[-1])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: MessagesApi

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Wake the threads that still wait for their clients."""
        for connection in list(self._connections):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length))
        if self.path != PATH:
            self._send_json(404, Refusal(404, "not_found_error", "Not Found").body)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        number, reply = self.server.api.reply(Received(headers, body))
        try:
            self._send(reply, body, number)
        except (BrokenPipeError, ConnectionResetError):
            self.server.api.left.set()
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - its base's name
        """Keep quiet."""

    def _send(self, reply: Reply, body: dict[str, Any], number: int) -> None:
        if isinstance(reply, Refusal):
            self._send_json(reply.status, reply.body, reply.headers)
        elif isinstance(reply, Foreign):
            headers = reply.headers | {"content-type": reply.content_type}
            self._send_whole(reply.status, reply.body.encode(), headers)
        elif isinstance(reply, Answer) and not body.get("stream"):
            self._send_json(200, message(reply, body, number))
        else:
            self._stream(reply, body, number)

    def _stream(self, reply: Answer | BrokenStream | Silence, body: Any, number: int) -> None:
        if isinstance(reply, Silence) and not reply.events:
            self._wait_for_leave()
            return
        answer = reply if isinstance(reply, Answer) else getattr(reply, "answer", Answer("Well"))
        end = None if isinstance(reply, Answer) else reply.events
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for name, content in islice(events(answer, body, number), end):
            self._write_event(name, content)
        if isinstance(reply, Silence):
            self._wait_for_leave()
        elif isinstance(reply, BrokenStream) and reply.error is not None:
            self._write_event("error", reply.error.body)
            self._write_chunk(b"")
        elif isinstance(reply, Answer) or reply.politely:
            self._write_chunk(b"")
        else:
            self.close_connection = True

    def _wait_for_leave(self) -> None:
        if not self.connection.recv(1):
            self.server.api.left.set()
        self.close_connection = True

    def _write_event(self, name: str, content: dict[str, Any]) -> None:
        self._write_chunk(f"event: {name}\ndata: {json.dumps(content)}\n\n".encode())

    def _write_chunk(self, chunk: bytes) -> None:
        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

    def _send_json(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        content = {"content-type": "application/json"} | (headers or {})
        self._send_whole(status, json.dumps(body).encode(), content)

    def _send_whole(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.send_header("request-id", "req_stand_in")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
