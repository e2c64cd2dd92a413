"""`imagej-dl uninstall`: takes out of a Fiji what `imagej-dl install` put in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.progress import Progress


class Uninstall(Command):
    """Remove the commands and macros from a Fiji folder, and nothing else.

    Files that you have changed are kept and listed.
    """

    fiji: Annotated[str | None, Positional()] = Field(
        None, description="Fiji's folder; without it that of FIJI_HOME."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.fiji import installation

        done = installation.uninstall(self.fiji)
        kept = f", {len(done.kept)} changed ones kept" if done.kept else ""
        say(f"{done.home}: {len(done.removed)} scripts and macros removed{kept}.")
