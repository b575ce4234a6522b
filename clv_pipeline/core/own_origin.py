"""Protection of a local web server from other web pages: it answers its own address only. Any ASGI app can be wrapped.

A page of any site may send requests to 127.0.0.1 from a reader's browser, and by DNS rebinding even read the answers under
its own name. Both are seen in what the browser says: Host, Origin, and the Sec-Fetch headers. Who may log in is no matter here.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NAMES = ("127.0.0.1", "localhost")


class OwnOriginOnly:
    """ASGI middleware: 403 for a Host or an Origin that is not the server's own; other pages may not frame it."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = refused(scope)
        if refusal is None:
            await self._app(scope, receive, _framed_by_us_only(send))
        elif scope["type"] == "websocket":
            # closed before it is accepted, which the server answers with 403
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(send, 403, refusal)


def refused(scope: Scope) -> str | None:
    """Return why a request is not answered, in one line for the person who reads it, or None for one from our own pages.

    A link to a page of ours, followed from anywhere, is answered: it is a GET that changes nothing.
    """
    port = scope["server"][1]
    where = f"This server answers at http://{_NAMES[0]}:{port} only"
    headers = list(scope["headers"])
    hosts = _values(headers, b"host")
    if len(hosts) != 1 or hosts[0].lower() not in [f"{name}:{port}" for name in _NAMES]:
        return f"{where}. From another machine: ssh -L {port}:{_NAMES[0]}:{port} THIS_MACHINE, and open that address."
    if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in _values(headers, b"origin")):
        return f"{where}, and takes no request from another page."
    if any(site not in ("same-origin", "none") for site in _values(headers, b"sec-fetch-site")):
        is_link = _values(headers, b"sec-fetch-mode") == ["navigate"] and _values(headers, b"sec-fetch-dest") == [
            "document"
        ]
        if scope["type"] != "http" or scope["method"] != "GET" or not is_link:
            return f"{where}, and takes no request from another page."
    return None


async def answer(send: Send, status: int, text: str) -> None:
    """Answer a request with one line of text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def _framed_by_us_only(send: Send) -> Send:
    async def send_with_header(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-frame-options", b"SAMEORIGIN")]
        await send(message)

    return send_with_header
