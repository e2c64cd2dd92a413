"""`imagej-dl serve`: a web page to predict images with."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, Shown, say
from imagej_dl.progress import Progress


class Serve(Command):
    """Serve a web page that segments uploaded images.

    One or many images are uploaded (TIFF, STK, PNG, JPEG), a model is chosen, the predicted
    objects are shown and counted, and label map, RoiSet.zip and a table can be downloaded.
    Uploads and results are removed an hour after they are done. Only this machine can reach it
    unless --host names another address. There is no password, so use --host only within a
    network that you trust. Ctrl-C ends it.
    """

    models: Annotated[Path | None, Positional(), Shown(path="folder")] = Field(
        None,
        description="Folder of a model, or a folder with several models; the ready models are "
        "offered beside them.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(5000, ge=1, le=65535, description="Port to listen on.")
    names: list[str] = Field(
        [], description="Further host names under which the page may be requested."
    )
    upload: int = Field(500, ge=1, description="Largest upload in MiB.")
    pixels: int = Field(2048, ge=1, description="Largest image in MiB of pixels.")
    planes: int = Field(
        2000, ge=1, description="Largest number of planes (frames, slices) of an image."
    )
    minutes: float = Field(30, gt=0, description="Time limit per image in minutes.")
    waiting: int = Field(1000, ge=1, description="Largest number of images waiting at once.")

    def run(self, progress: Progress) -> None:
        from imagej_dl.web import application, listen

        hosts = {name.lower() for name in (self.host, socket.gethostname(), *self.names)}
        limits = self.model_dump(include={"upload", "pixels", "planes", "minutes", "waiting"})
        app = application(self.models, hosts=hosts, **limits)
        say(f"{_address(self.host, self.port)} (Ctrl-C ends it)")
        listen(app, self.host, self.port)


def _address(host: str, port: int) -> str:
    """Return what to type into a browser: 0.0.0.0 and :: are no addresses to go to."""
    if host in ("0.0.0.0", "::"):
        return f"http://localhost:{port}; from other machines by the name of this one"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
