"""A stand-in for the Docker daemon, for an emulator of ECS that runs its tasks as containers.

A container here is a record that runs until it is stopped. Only what the emulator's client asks for
is answered: pings, images and their digests, and the life of containers (Docker Engine API 1.45).
An image whose name is in the list of missing ones cannot be pulled; every other one can.

Invariant: everything happens in this process and in memory, on a port of 127.0.0.1; nothing is run.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

API_VERSION = "1.45"

# How long a pull and a start take, so that a task is seen on its way.
PULL_SECONDS = 0.2
START_SECONDS = 0.1

ADDRESS = "172.17.0.2"
NETWORK = {"IPAddress": ADDRESS, "Gateway": "172.17.0.1", "NetworkID": "bridge"}


@dataclass
class Container:
    """What the daemon knows of one container."""

    name: str
    image: str
    labels: dict[str, str]
    id: str = field(default_factory=lambda: uuid.uuid4().hex * 2)
    status: str = "created"
    exit_code: int = 0

    def stop(self) -> None:
        """Ends it as SIGTERM does."""
        if self.status == "running":
            self.status, self.exit_code = "exited", 143

    def inspected(self) -> dict[str, Any]:
        """The answer of `GET /containers/{id}/json`."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": digest(self.image),
            "Created": "2026-01-01T00:00:00Z",
            "State": {
                "Status": self.status,
                "Running": self.status == "running",
                "ExitCode": self.exit_code,
                "OOMKilled": False,
                "Error": "",
                "StartedAt": "2026-01-01T00:00:00Z",
                "FinishedAt": "0001-01-01T00:00:00Z",
            },
            "Config": {"Image": self.image, "Labels": self.labels, "Env": []},
            "HostConfig": {},
            "Mounts": [],
            "NetworkSettings": {"IPAddress": ADDRESS, "Ports": {}, "Networks": {"bridge": NETWORK}},
        }

    def listed(self) -> dict[str, Any]:
        """Its entry in the answer of `GET /containers/json`."""
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "State": self.status,
            "Labels": self.labels,
        }


def digest(image: str) -> str:
    """A digest that is always the same for one image."""
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


class Daemon:
    """The containers, and which images there are not."""

    def __init__(self, missing: set[str]) -> None:
        self.missing = missing
        self.containers: dict[str, Container] = {}

    def has_image(self, name: str) -> bool:
        """Whether an image can be pulled."""
        return name not in self.missing

    def find(self, key: str) -> Container | None:
        """The container with this id, or with this name."""
        return self.containers.get(key) or next(
            (one for one in self.containers.values() if one.name == key), None
        )


class Handler(BaseHTTPRequestHandler):
    """Answers the Engine API's requests for one daemon."""

    protocol_version = "HTTP/1.1"
    daemon: Daemon

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Says nothing; the emulator's own log has it all."""

    def do_GET(self) -> None:
        """Answers a GET."""
        self._route("GET")

    def do_POST(self) -> None:
        """Answers a POST."""
        self._route("POST")

    def do_DELETE(self) -> None:
        """Answers a DELETE."""
        self._route("DELETE")

    def do_HEAD(self) -> None:
        """Answers a HEAD."""
        self._route("HEAD")

    def _route(self, method: str) -> None:
        # A body that stays unread would be taken for the connection's next request.
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        path = re.sub(r"^/v[\d.]+", "", unquote(address.path))
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if path == "/_ping":
            self._send(200, b"OK")
        elif path == "/version":
            self._send(200, {"Version": "28.0.0", "ApiVersion": API_VERSION, "Os": "linux"})
        elif path == "/info":
            self._send(200, {"ServerVersion": "28.0.0", "OSType": "linux"})
        elif image := re.fullmatch(r"/(?:distribution|images)/(.+)/json", path):
            self._image(image[1])
        elif re.fullmatch(r"/images/.+/tag", path):
            self._send(201)
        elif path == "/images/create":
            self._pull(f"{query.get('fromImage', '')}:{query.get('tag', 'latest')}")
        elif path == "/containers/create":
            self._create(query.get("name", ""), json.loads(body or b"{}"))
        elif path == "/containers/json":
            self._send(200, [one.listed() for one in list(self.daemon.containers.values())])
        elif container := re.fullmatch(r"/containers/([^/]+)(?:/(\w+))?", path):
            self._container(method, container[1], container[2])
        else:
            self._refuse(f"page not found: {method} {path}")

    def _image(self, name: str) -> None:
        if not self._is_pullable(name):
            return
        repository = name.split("@")[0].rsplit(":", 1)[0]
        found = name.split("@")[1] if "@" in name else digest(name)
        self._send(
            200,
            {
                "Id": found,
                "RepoTags": [name],
                "RepoDigests": [f"{repository}@{found}"],
                "Descriptor": {"digest": found, "mediaType": "", "size": 1},
                "Platforms": [],
                "Config": {},
            },
        )

    def _pull(self, name: str) -> None:
        time.sleep(PULL_SECONDS)
        if self._is_pullable(name.replace(":sha256:", "@sha256:")):
            self._send(200, {"status": "Pull complete"})

    def _is_pullable(self, name: str) -> bool:
        if self.daemon.has_image(name):
            return True
        self._refuse(f"manifest for {name} not found: manifest unknown")
        return False

    def _create(self, name: str, wanted: dict[str, Any]) -> None:
        container = Container(
            name=name or f"container-{len(self.daemon.containers)}",
            image=wanted.get("Image", ""),
            labels=wanted.get("Labels") or {},
        )
        self.daemon.containers[container.id] = container
        self._send(201, {"Id": container.id, "Warnings": []})

    def _container(self, method: str, key: str, action: str | None) -> None:
        container = self.daemon.find(key)
        if container is None:
            self._refuse(f"No such container: {key}")
        elif method == "DELETE":
            container.stop()
            del self.daemon.containers[container.id]
            self._send(204)
        elif action == "json":
            self._send(200, container.inspected())
        elif action == "start":
            time.sleep(START_SECONDS)
            container.status = "running"
            self._send(204)
        elif action in ("stop", "kill"):
            container.stop()
            self._send(204)
        elif action == "logs":
            self._send(200, b"")
        else:
            self._refuse(f"page not found: {method} {self.path}")

    def _refuse(self, message: str) -> None:
        self._send(404, {"message": message})

    def _send(self, status: int, answer: Any = None) -> None:
        raw = isinstance(answer, bytes)
        content = b"" if answer is None else answer if raw else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if raw else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Api-Version", API_VERSION)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, which ends with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing when a client is gone, as the emulator is at its end."""


@contextmanager
def running(missing: set[str]) -> Iterator[str]:
    """Serves a daemon without the `missing` images; gives the value for `DOCKER_HOST`."""
    handler = type("DaemonHandler", (Handler,), {"daemon": Daemon(missing)})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
