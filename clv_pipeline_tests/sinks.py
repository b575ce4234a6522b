"""A receiver of alerts on this machine: a real HTTP server that answers as it is told to. No test is here."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What an answer may be besides a status: silence, a byte now and then for ever, a connection that is closed.
HANGS, DRIPS, CLOSES = "hangs", "drips", "closes"


@dataclass
class Sink:
    """Where it listens, what it answers, one after the other and then 200, and what it got."""

    url: str = ""
    answers: list[int | str] = field(default_factory=list)
    location: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        return [body["event"] for body in self.bodies]


@contextmanager
def running_sink(*answers: int | str) -> Iterator[Sink]:
    """Return a sink with a secret in its address."""
    sink, ending = Sink(answers=list(answers)), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.paths.append(self.path)
            sink.headers.append(dict(self.headers))
            answer = sink.answers.pop(0) if sink.answers else 200
            if answer == 200:
                sink.bodies.append(json.loads(body))
            if isinstance(answer, int):
                self.send_response(answer)
                if 300 <= answer < 400:
                    self.send_header("Location", sink.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif answer == CLOSES:
                self.close_connection = True
            elif answer == DRIPS:
                with suppress(OSError):
                    self.wfile.write(b"HTTP/1.1 200 ")
                    while not ending.is_set():
                        self.wfile.write(b"x")
                        self.wfile.flush()
                        time.sleep(0.05)
            else:
                ending.wait()

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    sink.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/secret-canary?token=secret-canary"
    try:
        yield sink
    finally:
        ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
