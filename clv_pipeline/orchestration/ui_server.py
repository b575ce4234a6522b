"""The process behind `clv ui`: Dagster's web pages on a socket that is given, its code server, and its scheduler.

It does what `dagster dev` does, in one process instead of three, with two differences: it answers its own pages only, and it
ends, with all that it started, when `clv ui` does. Started by `ui.py`, in a session of its own.
"""

import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import dagster as dg
import uvicorn
from dagster._cli.proxy_server_manager import ProxyServerManager
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.controller import daemon_controller_from_instance
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.requests import Request

from clv_pipeline.core.own_origin import App, OwnOriginOnly, Receive, Scope, Send, answer
from clv_pipeline.core.project_files import WORKSPACE
from clv_pipeline.orchestration.ui import GRACE_SECONDS, end_group

_LOG_LEVEL = "warning"
#: Pages that are open hold a websocket each; they connect again by themselves.
_CLOSE_PAGES_SECONDS = 2


class ChangesByPostOnly:
    """ASGI middleware: 405 for a GraphQL mutation by GET, which a picture or a link on any page could send."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] != "POST" and _mutates(Request(scope).query_params.get("query")):
            await answer(send, 405, "A change is made by POST only.")
        else:
            await self._app(scope, receive, send)


def _mutates(query: str | None) -> bool:
    try:
        definitions = parse(query or "").definitions
    except GraphQLError:
        return False  # the app answers what is wrong with it
    return any(isinstance(d, OperationDefinitionNode) and d.operation is OperationType.MUTATION for d in definitions)


def serve(listening: socket.socket) -> None:
    """Serve pages and run the schedule until SIGTERM."""
    with ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.get())
        target = stack.enter_context(_code_server(instance))
        context = stack.enter_context(WorkspaceProcessContext(instance, target, version=__version__))
        app = ChangesByPostOnly(create_app_from_workspace_process_context(context))
        server = uvicorn.Server(
            uvicorn.Config(OwnOriginOnly(app), log_level=_LOG_LEVEL, timeout_graceful_shutdown=_CLOSE_PAGES_SECONDS)
        )
        stack.enter_context(_scheduler(target))
        # uvicorn raises the signal again that it was ended by
        with suppress(SystemExit):
            server.run(sockets=[listening])


@contextmanager
def _code_server(instance: dg.DagsterInstance) -> Iterator[WorkspaceFileTarget]:
    """Start the process that loads our definitions; return where pages and schedule find it. It is started again if it dies."""
    with (
        ProxyServerManager(instance, WorkspaceFileTarget([str(WORKSPACE)]), _LOG_LEVEL) as servers,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "workspace.yaml"
        file.write_text(json.dumps({"load_from": servers.get_code_server_specs()}))
        yield WorkspaceFileTarget([str(file)])


@contextmanager
def _scheduler(target: WorkspaceFileTarget) -> Iterator[None]:
    """Run Dagster's daemons in threads of this process; it ends if one of them does."""
    with (
        dg.DagsterInstance.get() as instance,
        daemon_controller_from_instance(
            instance, target, log_level=_LOG_LEVEL, code_server_log_level=_LOG_LEVEL
        ) as daemons,
    ):
        ending = threading.Event()

        def watch() -> None:
            try:
                daemons.check_daemon_loop()
            except Exception:
                if ending.is_set():
                    return  # its threads end because they were told to
                logging.getLogger("dagster.daemon").exception("The scheduler has ended")
                os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            ending.set()


def main(listening: int, parent: int) -> None:
    """Serve on an open socket, given by its descriptor, until SIGTERM, or until nobody has the other end of the pipe `parent`."""
    signal.signal(signal.SIGTERM, _exit)
    # sent to the whole group when all is to end; it is not ignored, for a process that is started would ignore it too
    signal.signal(signal.SIGINT, lambda number, frame: None)
    orphaned = threading.Event()
    threading.Thread(target=_end_with, args=(parent, orphaned), daemon=True).start()
    with suppress(SystemExit):
        serve(socket.socket(fileno=listening))
    if orphaned.is_set():
        end_group(os.getpgrp())


def _exit(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def _end_with(parent: int, orphaned: threading.Event) -> None:
    """Wait until `clv ui` has ended, even by kill -9; then end, and after a while everything that was started here."""
    os.read(parent, 1)
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    end_group(os.getpgrp())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
