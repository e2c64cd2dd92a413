"""Serving the page until it is ended."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from imagej_dl import optional
from imagej_dl.errors import UserError

if TYPE_CHECKING:
    from flask import Flask

    from imagej_dl.web.jobs import Jobs


def listen(app: Flask, host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM; then all uploads are removed.

    Raises
    ------
    UserError : when the port is taken, or waitress is not installed.
    """
    jobs: Jobs = app.extensions["imagej-dl"]
    try:
        waitress = optional.need(
            "waitress", "waitress, which serves the page,", "pip install 'imagej-dl[serve]'"
        )
        try:
            server = waitress.create_server(
                app,
                host=host,
                port=port,
                threads=8,
                ident=None,
                max_request_body_size=app.config["MAX_CONTENT_LENGTH"],
            )
        except OSError as error:
            raise UserError(
                f"port {port} of {host} cannot be used ({error.strerror or error})",
                remedy="Choose another --port.",
            ) from error
        if threading.current_thread() is threading.main_thread():
            # As `docker stop` ends it: uploads are removed then too.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.run()
    finally:
        jobs.close()
