"""Start of the dashboard: Streamlit on 127.0.0.1, with usage statistics off and nothing fetched from the internet."""

import importlib.util
import os
from pathlib import Path

from clv_pipeline.core.errors import ConfigurationError
from clv_pipeline.core.project_files import IS_INSTALLED
from clv_pipeline.core.settings import Settings

#: Settings of Streamlit; given on the command line, they win over files of the reader's own.
OPTIONS = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    # server.py refuses foreign pages already; a configuration of the reader's own must not open what Streamlit closes
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "browser.serverAddress": "127.0.0.1",
    "client.toolbarMode": "viewer",
    # a traceback may quote a row
    "client.showErrorDetails": "none",
    # white text on it is legible, and it is seen on a dark page
    "theme.primaryColor": "#2563eb",
    "theme.dark.linkColor": "#60a5fa",
    # labels of charts are a paler tint of it, which has to have a contrast of 4.5
    "theme.light.textColor": "#111111",
}


def start(settings: Settings, port: int) -> None:
    """Serve the dashboard of the settings' home in this process, until a signal.

    Raises:
        ConfigurationError: Streamlit is not installed.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigurationError(
            "The dashboard needs Streamlit, which is not installed",
            next_step="`pip install 'clv-pipeline[dashboard]'`." if IS_INSTALLED else "`make dashboard` installs it.",
        )
    from streamlit.web.cli import main as streamlit

    os.environ.update({"CLV_HOME": str(settings.home.absolute()), "CLV_SOURCE": settings.source})
    options = [f"--{name}={value}" for name, value in {**OPTIONS, "server.port": str(port)}.items()]
    streamlit(["run", str(Path(__file__).with_name("server.py")), *options], standalone_mode=False)
