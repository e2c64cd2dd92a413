"""The commands in ImageJ's menu, for an ImageJ that Python hosts.

ImageJ's side of them is written in Groovy (folder `front`), so that it is the same in a Fiji that
was started by a double click, where there is no Python. The work is done in a process of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagej_dl.errors import UserError
from imagej_dl.fiji import gateway

HOME = Path(__file__).parent / "front"
APPOSE = "org.apposed:appose:0.9.0"
"""Starts the worker process; brings Groovy along."""


def install(fiji: str | None = None, *, display: bool | None = None) -> Any:
    """Put the commands into the menu Plugins > ImageJ-DL and make them known to macros.

    In Fiji's Script Editor nothing else is needed; elsewhere ImageJ is started first.

    Parameters
    ----------
    fiji : see :func:`imagej_dl.fiji.choose`.
    display : whether a window is opened; by default where there is a screen.

    Returns
    -------
    the front: `front.call("predict", {...})` runs a command and gives its values.

    Raises
    ------
    UserError : what :func:`imagej_dl.fiji.start` raises, and a worker that does not start.
    """
    if display is None:
        display = gateway.has_display()
    if not gateway.is_running():
        jars = (APPOSE,) if display else (APPOSE, gateway.PATCHER)
        gateway.start(fiji, display=display, jars=jars)
    running = gateway.start()
    front = _front()
    place = _loader(front).loadClass("imagejdl.Menu").getMethod("install", front.getClass())
    with _in_words():
        place.invoke(None, front)
    if running.ij2 is not None:
        _searchable(running.ij2)
    return front


def run(command: str, **values: Any) -> dict[str, Any]:
    """Run a command of the menu as the menu does: on the open image, in the worker process.

    Parameters
    ----------
    command : its name on the command line, or its label in the menu.
    **values : its fields; see `imagej-dl COMMAND --help`.

    Returns
    -------
    the values it gives to scripts, such as the title of a new image.

    Raises
    ------
    UserError : with the words that ImageJ would show in a window.
    """
    from scyjava import jimport

    given = jimport("java.util.LinkedHashMap")()
    for key, value in values.items():
        if value is not None:
            given.put(key, _text(value))
    with _in_words():
        found = _front().call(command, given)
    return {str(key): _plain(found.get(key)) for key in found.keySet()}


def run_macro(path: Path, argument: str = "") -> str:
    """Run an ImageJ macro and return what it returns; its text is UTF-8, or else Latin-1.

    Raises
    ------
    UserError : when the macro was aborted, with the words of the command that failed.
    """
    from scyjava import jimport

    front = _front()
    front.forget()
    text = _unlike_latin(path)
    if text is None:
        result = jimport("ij.IJ").runMacroFile(str(path.resolve()), argument)
    else:
        runner = jimport("ij.plugin.Macro_Runner")()
        runner.setFilePath(str(path.resolve()))
        result = runner.runMacro(text, argument)
    text = "" if result is None else str(result)
    if (trouble := front.getLastTrouble()) is not None:
        raise UserError(str(trouble), path=path)
    if text == "[aborted]":
        raise UserError("was aborted by an error; ImageJ's message names the line", path=path)
    return text


def _unlike_latin(path: Path) -> str | None:
    """Return a macro's text where it is not what ImageJ would read, in Latin-1."""
    content = path.read_bytes()
    if content.isascii() or path.suffix.lower() not in (".ijm", ".txt"):
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def open_image(path: Path) -> None:
    """Open an image as File > Open does; UserError when ImageJ cannot read it."""
    from scyjava import jimport

    imp = jimport("ij.IJ").openImage(str(path.resolve()))
    if imp is None:
        raise UserError("is not an image that ImageJ can read", path=path)
    imp.show()


def wait_until_quit() -> None:
    """Return when the user has closed ImageJ's main window."""
    from scyjava import jimport

    ij = jimport("ij.IJ")
    while ij.getInstance() is not None:
        time.sleep(0.2)


def _front() -> Any:
    import jpype
    from scyjava import jimport

    from imagej_dl.fiji import kept

    file = jimport("java.io.File")
    start = kept.start(HOME)
    given = jpype.JArray(jpype.JObject)([file(str(HOME)), file(sys.executable)])
    return start.invokeMethod("front", given)


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn what the front tells its user into a UserError."""
    from jpype import JException

    try:
        yield
    except JException as error:
        called = str(error.getClass().getName()).endswith("InvocationTargetException")
        trouble = error.getCause() if called else error
        if str(trouble.getClass().getName()) == "imagejdl.CommandError":
            raise UserError(str(trouble.getMessage())) from error
        raise


def _loader(front: Any) -> Any:
    return front.getClass().getClassLoader()


def _searchable(ij2: Any) -> None:
    """Tell Fiji's search bar of the commands, if they are not installed in this Fiji anyway."""
    from scyjava import jimport

    from imagej_dl.fiji import scripts

    info, path = jimport("org.scijava.script.ScriptInfo"), jimport("org.scijava.MenuPath")
    reader, modules = jimport("java.io.StringReader"), ij2.module()
    menus = (module.getMenuPath() for module in modules.getModules())
    there = {str(menu.getLeaf().getName()) for menu in menus if menu}
    for label, text in scripts.of_commands().items():
        if label not in there:
            name = f"ImageJ-DL/{label.replace(' ', '_')}.groovy"
            command = info(ij2.context(), name, reader(text))
            command.setMenuPath(path(f"Plugins>ImageJ-DL>{label}"))
            modules.addModule(command)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ";".join(map(str, value))
    return str(value)


def _plain(value: Any) -> Any:
    from scyjava import to_python

    return to_python(value)
