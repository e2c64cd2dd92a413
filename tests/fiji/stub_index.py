"""A package index on this computer, with tiny packages of the names that a set-up installs.

Its `imagej-dl` tells a version and answers as the worker does; `appose` is the real one; the others
are empty. The server counts what is fetched, resumes files, and breaks off where it is told to.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

WORKER = """
def commands():
    from imagej_dl import __version__
    return {"commands": [], "idle": 300.0, "remembered": {}, "version": __version__}
"""
MAIN = "from imagej_dl import __version__\nprint('imagej-dl, version', __version__)\n"
SIZE = 2_000_000
"""Bytes of the largest package."""


def packages(folder: Path, *versions: str) -> Path:
    """Write the wheels, imagej-dl in each of the versions, into a folder; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for version in versions:
        files = {"__init__.py": f'__version__ = "{version}"\n', "__main__.py": MAIN}
        files["worker/__init__.py"] = WORKER
        needs = ("tensorflow", "numpy", "appose")
        _wheel(folder, "imagej_dl", version, {f"imagej_dl/{k}": v for k, v in files.items()}, needs)
    # Noise, as nothing else keeps its size in a wheel.
    ballast = np.random.default_rng(0).bytes(SIZE)
    tensorflow = {"tensorflow/__init__.py": "", "tensorflow/ballast": ballast}
    _wheel(folder, "tensorflow", "2.20.0", tensorflow)
    _wheel(folder, "numpy", "2.0.0", {"numpy/__init__.py": ""})
    appose = importlib.metadata.distribution("appose")
    found = [file for file in appose.files or [] if file.parts[0] == "appose"]
    source = {str(f): f.read_text() for f in found if f.suffix == ".py"}
    _wheel(folder, "appose", appose.version, source)
    return folder


def _wheel(
    folder: Path,
    name: str,
    version: str,
    files: dict[str, str | bytes],
    needs: tuple[str, ...] = (),
) -> None:
    about = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    about += "".join(f"Requires-Dist: {need}\n" for need in needs)
    info = f"{name}-{version}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    whole = {**files, f"{info}/METADATA": about, f"{info}/WHEEL": wheel}
    rows = []
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, content in whole.items():
            data = content.encode() if isinstance(content, str) else content
            archive.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(data)}")
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))


class Index:
    """What the server was asked for, and how it behaves.

    address : of the index; files : names of wheels asked for, with the first byte that was wanted;
    hosts : other hosts that it was asked for, as a proxy is; break_after : bytes of a wheel after
    which connections end, from now on; stalls : whether they then stay open, and nothing comes.
    """

    def __init__(self, wheels: Path) -> None:
        self.wheels = wheels
        self.address = ""
        self.files: list[tuple[str, int]] = []
        self.break_after: int | None = None
        self.stalls = False
        self.hosts: set[str] = set()


@contextmanager
def served(wheels: Path) -> Iterator[Index]:
    """Serve a folder of wheels as a package index."""
    index = Index(wheels)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            # A proxy is asked for whole addresses.
            host = re.match(r"http://([^/]+)", self.path)
            index.hosts.add(host[1] if host else "")
            part = self.path.removeprefix(host[0] if host else "").strip("/").split("/")
            if part[0] == "control":  # /control/BYTES/STALLS: as in Index; 0 ends it
                index.break_after, index.stalls = int(part[1]) or None, part[2:] == ["stalls"]
                return self._answer(b"")
            if part[0] == "simple":
                return self._page(part[1])
            name = part[-1]
            if name.endswith(".metadata"):
                return self._answer(_metadata(wheels / name.removesuffix(".metadata")))
            path = wheels / name
            if not path.is_file():
                return self._answer(b"", 404)
            start = int((self.headers.get("Range") or "bytes=0-").split("=")[1].split("-")[0])
            index.files.append((name, start))
            self._file(path.read_bytes(), start)

        def _page(self, name: str) -> None:
            rows = []
            for path in sorted(wheels.glob("*.whl")):
                if path.name.split("-")[0].replace("_", "-") == name:
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    told = hashlib.sha256(_metadata(path)).hexdigest()
                    rows.append(
                        f'<a href="/files/{path.name}#sha256={digest}" '
                        f'data-core-metadata="sha256={told}">{path.name}</a>'
                    )
            page = f"<!DOCTYPE html><html><body>{''.join(rows)}</body></html>"
            self._answer(page.encode(), 200 if rows else 404)

        def _answer(self, data: bytes, code: int = 200) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self, data: bytes, start: int) -> None:
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            until = len(data) if index.break_after is None else start + index.break_after
            self.wfile.write(data[start:until])
            if until < len(data):
                self.wfile.flush()
                while index.stalls:
                    time.sleep(0.05)
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.address = f"http://127.0.0.1:{server.server_port}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index
    finally:
        index.stalls = False
        server.shutdown()
        server.server_close()


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel.read_bytes())) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return archive.read(name)
