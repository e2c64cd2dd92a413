"""The files that `imagej-dl install` puts into a Fiji folder: a script for each command, and the
macros.

Fiji makes a command of each script in `scripts/Plugins/ImageJ-DL`: in its menu, its search bar, its
Recorder and for `run("ImageJ-DL ...")` of macros. Ours are a few lines that name this Python and
call the same front that Python calls when it hosts ImageJ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from imagej_dl.commands.menu import MENU

FRONT = Path(__file__).parent / "front"
SCRIPTS = "scripts/Plugins/ImageJ-DL"
MACROS = "macros/ImageJ-DL"
EXTENSIONS = "ImageJ-DL Macro Extensions"


def contents() -> dict[str, bytes]:
    """Return all files that are put into a Fiji: their paths from its folder, and what is in them.

    A script's name is the command's label: Fiji reads an underscore as a blank.
    """
    files = {
        f"{SCRIPTS}/{label.replace(' ', '_')}.groovy": text.encode("ascii")
        for label, text in of_commands().items()
    }
    for macro in sorted(macros().glob("*.ijm")):
        files[f"{MACROS}/{macro.name}"] = macro.read_bytes()
    return files


def of_commands() -> dict[str, str]:
    """Return the Groovy script of each command, by the command's label."""
    labels = {**{label: name for name, label in MENU.items()}, EXTENSIONS: ""}
    return {label: of_command(label, name) for label, name in labels.items()}


def of_command(label: str, name: str) -> str:
    """Return the Groovy script of a command; of the macro extensions where `name` is empty."""
    what = f'"{name}"' if name else "null"
    return f"""\
// {label}. Put here by `imagej-dl install`; `imagej-dl uninstall` takes it out again.
def front = new File({_groovy(FRONT)})
def python = new File({_groovy(Path(sys.executable))})
def start = new File(front, "Start.groovy")
if (!start.isFile() || !python.isFile()) {{
    def words = "imagej-dl is not in " + python.parent + " any more. Run `imagej-dl install` " +
        "with the Python environment in which it is now."
    if (java.awt.GraphicsEnvironment.isHeadless()) throw new IllegalStateException(words)
    ij.IJ.error("ImageJ-DL", words)
    return
}}
new GroovyShell(this.class.classLoader).parse(start).command(front, python, {what})
"""


def macros() -> Path:
    """Return the folder of the macros: within the package, or beside it in a source tree."""
    inside = Path(__file__).parent / "macros"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "macros"


def _groovy(path: Path) -> str:
    """Write a path as Groovy's text; ASCII only, since Fiji reads scripts in the system's code."""
    text = path.absolute().as_posix().replace("\\", "\\\\").replace("'", "\\'")
    units = text.encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2)]
    return "'" + "".join(chr(c) if 32 <= c < 127 else f"\\u{c:04x}" for c in codes) + "'"
