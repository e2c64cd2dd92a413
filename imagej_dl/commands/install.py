"""`imagej-dl install`: the commands in the menu of a Fiji that is started by a double click."""

from __future__ import annotations

import sys
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.progress import Progress


class Install(Command):
    """Install the commands and macros into a Fiji folder.

    They use the Python environment that runs this command. Run it again when imagej-dl was
    updated or moved. Your own files are not replaced; `imagej-dl uninstall` removes everything
    again.
    """

    fiji: Annotated[str | None, Positional()] = Field(
        None, description="Fiji's folder; without it that of FIJI_HOME."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.fiji import installation

        done = installation.install(self.fiji)
        count = len(done.written) + len(done.same)
        say(f"{done.home}: {count} scripts and macros installed ({len(done.written)} new).")
        if done.removed:
            say(f"{len(done.removed)} of an earlier version were removed.")
        say(f"They use {sys.executable}.")
        say("Restart Fiji; the commands are in Plugins > ImageJ-DL.")
