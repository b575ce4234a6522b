"""The two ways out: a webhook (CLV_ALERT_URL) and a command (CLV_ALERT_COMMAND). Both are secrets and are never shown.

A delivery never raises and never takes longer than a few seconds. What to send is in `message.py`, what is left in `outbox.py`.
"""

import base64
import http.client
import json
import os
import shlex
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.project_files import RUNBOOK
from clv_pipeline.core.settings import Settings

WayOut = Literal["CLV_ALERT_URL", "CLV_ALERT_COMMAND"]
#: How long one try may take, however slowly the other side answers.
TRY_SECONDS = 5.0
#: The waits between the three tries.
PAUSES = (1.0, 2.0)
#: Answers after which another try may work.
_PERHAPS_LATER = {408, 425, 429, *range(500, 600)}
_SECRETS = {
    "CLV_ALERT_URL", "CLV_ALERT_COMMAND", "CLV_SOURCE_URL", "CLV_PUBLISH_URL", "CLV_HASH_KEY", "CLV_DASHBOARD_PASSWORD",
}  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    """Why a message was not delivered, without the address or the answer; `may_pass`: another try may work."""

    what: str
    next_step: str
    may_pass: bool = False


Send = Callable[[Mapping[str, Any]], Refusal | None]


def ways_out(settings: Settings) -> dict[WayOut, Send]:
    """Return how to deliver a message, for each setting that is set."""
    found: dict[WayOut, Send] = {}
    if settings.alert_url and (url := settings.alert_url.get_secret_value().strip()):
        found["CLV_ALERT_URL"] = lambda body: _post(url, body)
    if settings.alert_command and (command := settings.alert_command.get_secret_value().strip()):
        found["CLV_ALERT_COMMAND"] = lambda body: _run(command, body)
    return found


def deliver(send: Send, body: Mapping[str, Any], *, tries: int = 1 + len(PAUSES)) -> Refusal | None:
    """Send a message, up to `tries` times; return why it did not arrive."""
    refusal = send(body)
    for pause in PAUSES[: tries - 1]:
        if refusal is None or not refusal.may_pass:
            break
        time.sleep(pause)
        refusal = send(body)
    return refusal


# --- webhook -----------------------------------------------------------------------------------------------------------


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would send the message to an address that nobody has set, and as a GET."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _post(url: str, body: Mapping[str, Any]) -> Refusal | None:
    try:
        request = _request(url, body)
    except ValueError:
        return Refusal("CLV_ALERT_URL is not an http or https address", "set it to the whole address of the webhook.")
    answers: list[int | BaseException] = []

    def ask() -> None:
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TRY_SECONDS) as response:
                answers.append(response.status)
        except urllib.error.HTTPError as error:
            answers.append(error.code)
            error.close()
        except Exception as error:  # of the network, of TLS, of a library: none may end a night
            answers.append(error)

    # a thread, because a server that sends a byte now and then keeps a socket from timing out, and a look-up of a name has none
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(TRY_SECONDS)
    return _judged(answers[0] if answers else TimeoutError())


def _request(url: str, body: Mapping[str, Any]) -> urllib.request.Request:
    """Return the request; name and password in the address become a header, as everywhere.

    Raises:
        ValueError: it is no address of http or https.
    """
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    address = urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, parts.query, ""))
    headers = {
        "Content-Type": "application/json; charset=utf-8", "Idempotency-Key": str(body["id"]), "User-Agent": "clv-pipeline",
    }  # fmt: skip
    if parts.username:
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(said.encode()).decode()}"
    return urllib.request.Request(address, json.dumps(body).encode(), headers, method="POST")


def _judged(answer: int | BaseException) -> Refusal | None:
    if isinstance(answer, BaseException):
        reason = answer.reason if isinstance(answer, urllib.error.URLError) else answer
        if isinstance(reason, http.client.InvalidURL | UnicodeError):
            return Refusal(
                "CLV_ALERT_URL is not an http or https address", "set it to the whole address of the webhook."
            )
        kind = "no answer in time" if isinstance(reason, TimeoutError) else _kind(reason)
        return Refusal(
            f"the webhook cannot be reached: {kind}", "check CLV_ALERT_URL, the network and any proxy.", True
        )
    if 200 <= answer < 300:
        return None
    if 300 <= answer < 400:
        return Refusal(
            f"the webhook redirects ({answer}), which is not followed", "set CLV_ALERT_URL to the final address."
        )
    return Refusal(
        f"the webhook answered {answer}",
        f"check CLV_ALERT_URL, and whether the receiver takes this JSON ({RUNBOOK}#alerts).",
        answer in _PERHAPS_LATER,
    )


def _kind(error: object) -> str:
    return kind_of(error) if isinstance(error, BaseException) else "unknown error"


# --- command -----------------------------------------------------------------------------------------------------------


def _run(command: str, body: Mapping[str, Any]) -> Refusal | None:
    """Run a command, without a shell, with the message on its standard input; its output is nobody's."""
    step = "run it by hand with a message on its standard input, or `clv test-alert`."
    try:
        arguments = shlex.split(command)
    except ValueError:
        return Refusal("CLV_ALERT_COMMAND has a quote that is not closed", step)
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    environment["CLV_ALERT_ID"] = str(body["id"])
    try:
        process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return Refusal(f"the command cannot be started: {kind_of(error)}", step)
    try:
        process.communicate(json.dumps(body).encode(), timeout=TRY_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return Refusal(f"the command had not ended after {TRY_SECONDS:g} seconds", step, True)
    if process.returncode:
        return Refusal(f"the command ended with {process.returncode}", step, True)
    return None
