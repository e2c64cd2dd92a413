"""Fiji's own updater, by its command line, and a web server of this machine that it reads from."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

OWN = (".checksums", "db.xml.gz")
"""What the updater itself keeps in a Fiji."""


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def updater(home: Path, *arguments: str) -> str:
    """Run a command of the updater in a Fiji; return what it prints, errors included."""
    command = ["java", "-Djava.awt.headless=true", f"-Dij.dir={home}", f"-Dimagej.dir={home}"]
    command += ["-cp", f"{home}/jars/*", "net.imagej.updater.CommandLine", *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def files(home: Path) -> dict[str, bytes]:
    """Read all files of a Fiji, but for what the updater itself keeps there."""
    paths = (path for path in home.rglob("*") if path.is_file())
    named = {path.relative_to(home).as_posix(): path for path in paths}
    return {name: path.read_bytes() for name, path in named.items() if name not in OWN}
