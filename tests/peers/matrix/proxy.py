"""Stands between `release-tool` and the sandbox, and strikes at one request.

Invariant: a strike is exact. What comes before it is carried out and answered; `before` leaves the
request itself undone, `after` has it carried out and not answered, and nothing comes after it.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from signal import SIGKILL
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60

# Headers of one connection, which are not passed on.
OF_THE_CONNECTION = ("connection", "transfer-encoding", "content-length")

DENIED = b'{"__type": "AccessDeniedException", "message": "it is refused here"}'


@dataclass(frozen=True)
class Strike:
    """What happens at which request."""

    # The operation, which of its requests, and whether the one before or after that is carried out.
    operation: str
    number: int = 1
    after: bool = True
    # Requests of this kind have to come first.
    once_past: str | None = None
    # The process gets this signal, or the request is refused.
    signal: int = SIGKILL
    refuses: bool = False


class Proxy:
    """A server that passes requests on, until one of them is the one."""

    def __init__(self, url: str, strike: Strike, end: Callable[[], None]) -> None:
        self.target = urlsplit(url)
        self.strike = strike
        self.end = end
        self.has_struck = False
        self.past = strike.once_past is None
        self.count = 0
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Proxy:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def is_the_one(self, operation: str) -> bool:
        """Whether a request is the one to strike at. Takes note of it."""
        with self.lock:
            if self.past and operation == self.strike.operation:
                self.count += 1
                if self.count == self.strike.number:
                    self.has_struck = True
                    return True
            return False

    def is_past(self, operation: str) -> None:
        """Takes note that a request has been answered."""
        with self.lock:
            self.past = self.past or operation == self.strike.once_past

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Sends a request on; gives its answer."""
        connection = http.client.HTTPConnection(
            str(self.target.hostname), self.target.port, timeout=TIMEOUT_SECONDS
        )
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()


@dataclass(frozen=True)
class Answer:
    """What comes back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


REFUSED = Answer(400, [("Content-Type", "application/x-amz-json-1.1")], DENIED)


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Passes a request on, or strikes."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = (self.headers.get("X-Amz-Target") or "").rpartition(".")[2]
        is_the_one = self.proxy.is_the_one(operation)
        strike = self.proxy.strike
        if is_the_one and strike.refuses:
            self.answer(REFUSED)
            return
        if is_the_one and not strike.after:
            self.proxy.end()
            return
        answer = self.proxy.forward("POST", self.path, dict(self.headers.items()), body)
        if is_the_one:
            self.proxy.end()
            return
        self.proxy.is_past(operation)
        self.answer(answer)

    def answer(self, answer: Answer) -> None:
        """Answers, unless whoever asked is gone."""
        try:
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                if name.lower() not in OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing of each request."""
