"""`imagej-dl doctor`: what is there, with its version, or the remedy."""

from __future__ import annotations

import sys

from pydantic import Field

from imagej_dl.commands.base import Command, say
from imagej_dl.progress import Progress


class Doctor(Command):
    """Check Java, ImageJ, Fiji, TrackMate, TensorFlow and the GPU.

    Of a Fiji it says how it got the commands, and whether the Python environment that its first
    use installed is ready and of their version.

    Ends with exit code 1 if a required part is missing.
    """

    fiji: str | None = Field(
        None, description="Fiji folder, Maven coordinate, 'endpoint' or 'embedded'."
    )

    def run(self, progress: Progress) -> None:
        from imagej_dl.fiji.diagnosis import diagnose

        healthy = True
        for finding in diagnose(self.fiji):
            mark = "ok" if finding.found else "MISSING" if finding.needed else "-"
            say(f"{finding.part:<12}{mark:<9}{finding.text}")
            healthy &= finding.found or not finding.needed
        if not healthy:
            sys.exit(1)
