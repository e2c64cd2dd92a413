"""The files that `imagej-dl install`, or an update site, puts into a Fiji folder: a script for each
command, and the macros.

Fiji makes a command of each script in `scripts/Plugins/ImageJ-DL`: in its menu, its search bar, its
Recorder and for `run("ImageJ-DL ...")` of macros. Ours are a few lines that name this Python and
call the same front that Python calls when it hosts ImageJ. Those of an update site name no Python:
the front, which comes with them as a jar, finds or installs one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from imagej_dl.commands.menu import MENU

FRONT = Path(__file__).parent / "front"
SCRIPTS = "scripts/Plugins/ImageJ-DL"
MACROS = "macros/ImageJ-DL"
EXTENSIONS = "ImageJ-DL Macro Extensions"
SET_UP = "ImageJ-DL Set Up"
"""The command of an update site that installs the Python environment."""
JAR, APPOSE = "lib/imagej-dl/imagej-dl.jar", "lib/imagej-dl/appose.jar"
"""The front of an update site, and an Appose for Fijis without one. Fiji's own class path has no
folder `lib`: what is in there meets nothing of other plugins."""


def contents() -> dict[str, bytes]:
    """Return all files that are put into a Fiji: their paths from its folder, and what is in them.

    A script's name is the command's label: Fiji reads an underscore as a blank.
    """
    return _files(of_commands())


def of_site() -> dict[str, bytes]:
    """Return the same for an update site, but for its jars."""
    calls = {label: f"command(jar, null, {_name(name)})" for label, name in _labels().items()}
    calls[SET_UP] = "setUp(jar)"
    return _files({label: _SITE.format(label=label, jar=JAR, call=c) for label, c in calls.items()})


def of_commands() -> dict[str, str]:
    """Return the Groovy script of each command, by the command's label."""
    return {label: of_command(label, name) for label, name in _labels().items()}


def of_command(label: str, name: str) -> str:
    """Return the Groovy script of a command; of the macro extensions where `name` is empty."""
    what = _name(name)
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


_SITE = """\
// {label}. From the update site of imagej-dl; Help > Update... takes it out again.
def jar = new File(ij.IJ.getDirectory("imagej"), "{jar}")
def loader = ij.IJ.getProperty("imagej-dl.site") ?:
    new URLClassLoader([jar.toURI().toURL()] as URL[], this.class.classLoader)
ij.IJ.setProperty("imagej-dl.site", loader)
loader.loadClass("Start").newInstance().{call}
"""


def _labels() -> dict[str, str]:
    return {**{label: name for name, label in MENU.items()}, EXTENSIONS: ""}


def _name(name: str) -> str:
    return f'"{name}"' if name else "null"


def _files(texts: dict[str, str]) -> dict[str, bytes]:
    files = {
        f"{SCRIPTS}/{label.replace(' ', '_')}.groovy": text.encode("ascii")
        for label, text in texts.items()
    }
    for macro in sorted(macros().glob("*.ijm")):
        files[f"{MACROS}/{macro.name}"] = macro.read_bytes()
    return files


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
