"""`imagej-dl update-site`: the folder from which Fiji's own updater installs the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.progress import Progress


class UpdateSite(Command):
    """Make the folder of an update site, from which Fiji installs the commands.

    Any web server can serve it; users add its address in Help > Update... > Manage Update Sites.
    Run it again with the same folder when imagej-dl was updated: Fijis that follow the site are
    then offered the new version. Needs Java, and a network connection at the first time.
    """

    out: Annotated[Path, Positional()] = Field(
        description="Folder of the site: a new one, or the one to bring up to date."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.fiji.updater import index, site

        done = site.build(self.out)
        say(
            f"{done.folder}: {len(done.new)} new files, {len(done.changed)} changed, "
            f"{len(done.same)} as before, {len(done.removed)} removed."
        )
        say(f"Serve this folder, {index.NAME} and all; earlier versions in it may be needed, too.")
