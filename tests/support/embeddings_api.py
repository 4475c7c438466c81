"""A stand-in for an OpenAI-compatible endpoint: a real server on a free local port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from infrastructure.embedders.deterministic import DeterministicEmbedder

KEY = "sk-stand-in-0123456789"


@dataclass(frozen=True)
class Reply:
    """What is answered; without a body, nothing is, and the connection is closed."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


def error(status: int, message: str, code: str | None = None, **headers: str) -> Reply:
    """Make an answer of the form that errors have."""
    return Reply(status, {"error": {"message": message, "code": code}}, headers)


def embeddings(body: Mapping[str, Any]) -> Reply:
    """Embed the texts of a request, and answer in another order than they came."""
    vectors = DeterministicEmbedder().embed(body["input"])[:, : body.get("dimensions")] * 3
    rows = [{"index": index, "embedding": row.tolist()} for index, row in enumerate(vectors)]
    return Reply(body={"object": "list", "data": rows[::-1]})


Script = Callable[[dict[str, Any]], Reply]


@dataclass
class EmbeddingsApi:
    """The stand-in: what it was asked, and where it is."""

    base_url: str
    script: Script
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer_with(self, *replies: Reply) -> None:
        """Give these answers first, and good ones after them."""
        left = list(replies)
        self.script = lambda body: left.pop(0) if left else embeddings(body)


@contextmanager
def embeddings_api(script: Script = embeddings) -> Iterator[EmbeddingsApi]:
    """Serve while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or the client waits for the second

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            api.requests.append(body | {"path": self.path})
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = api.script(body)
            if reply.body is None:
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api = EmbeddingsApi(f"http://127.0.0.1:{server.server_port}/v1", script)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
