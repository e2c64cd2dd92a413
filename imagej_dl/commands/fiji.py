"""`imagej-dl fiji`: ImageJ or Fiji with the commands in its menu."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from imagej_dl.commands.base import Command, Positional, say
from imagej_dl.errors import UserError
from imagej_dl.progress import Progress


class Fiji(Command):
    """Open ImageJ or Fiji with the commands in its menu; run a macro.

    The commands are in Plugins > ImageJ-DL. HOME is a Fiji folder; without it, the one in
    FIJI_HOME is opened, else ImageJ 1.54p. --macro runs a macro; with --headless no window is
    opened, and the command ends with the macro.
    """

    home: Annotated[str | None, Positional()] = Field(
        None, description="Fiji folder, Maven coordinate, 'endpoint' or 'embedded'."
    )
    macro: Path | None = Field(None, description="Macro (.ijm) to run.")
    argument: str = Field("", description="Argument that the macro reads with getArgument().")
    headless: bool = Field(
        False, description="Open no window; needs no screen. There is no ROI Manager then."
    )
    open: list[Path] = Field([], description="Images to open; may be given several times.")

    def run(self, progress: Progress) -> None:
        from imagej_dl.fiji import gateway, menu

        if self.headless and self.macro is None:
            raise UserError(
                "without a window there is nothing to do",
                remedy="Name a macro with --macro, or leave --headless out.",
            )
        for path in [*self.open, *([self.macro] if self.macro else [])]:
            if not path.is_file():
                raise UserError("there is no such file", path=path)
        front = menu.install(self.home, display=not self.headless)
        try:
            for path in self.open:
                menu.open_image(path)
            if self.macro is not None:
                result = menu.run_macro(self.macro, self.argument)
                if result:
                    say(result)
            if not self.headless:
                say(f"ImageJ {gateway.start().version} is open; close it to end.")
                menu.wait_until_quit()
        finally:
            front.close()
