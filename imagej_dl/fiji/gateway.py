"""The choice of the ImageJ, and its start: the only place where a Java machine is started.

The choice, in this order: what the user names (a Fiji folder, or a Maven coordinate such as
`sc.fiji:fiji`), the folder in FIJI_HOME, else the embedded default: ImageJ 1.54p from Maven
Central. A process has one Java machine, so a process has one ImageJ; where Python already runs
inside a Fiji (its Script Editor, its Python mode) that Fiji is used.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from imagej_dl.errors import UserError
from imagej_dl.fiji import jars as maven
from imagej_dl.fiji import locales

EMBEDDED = "net.imagej:ij:1.54p"
ENDPOINT = "sc.fiji:fiji"
PATCHER = "net.imagej:ij1-patcher:2.0.0"
"""Gives ImageJ 1 its menu's commands also without a screen, where macros need them."""
_COORDINATE = re.compile(r"[\w.-]+:[\w.-]+(:[\w.-]+)*(\+[\w.:+-]+)?")

Kind = Literal["embedded", "folder", "endpoint", "host"]


@dataclass(frozen=True)
class Gateway:
    """The ImageJ of this process.

    `ij2` is PyImageJ's gateway; None where there is only ImageJ 1 (the embedded default).
    `headless` says that nothing can be shown: no windows, no ROI Manager, no menus.
    """

    kind: Kind
    home: str
    headless: bool
    ij2: Any = None

    @property
    def version(self) -> str:
        """ImageJ's version; of a Fiji that of ImageJ2, then of ImageJ 1 ("2.17.0/1.54p")."""
        from scyjava import jimport

        return str(jimport("ij.IJ").getVersion() if self.ij2 is None else self.ij2.getVersion())


_current: Gateway | None = None
_lock = threading.Lock()


def choose(fiji: str | None = None) -> tuple[Kind, str]:
    """Return which ImageJ would be used, and where it is, without starting it.

    Parameters
    ----------
    fiji : a Fiji folder, "endpoint" for `sc.fiji:fiji`, a Maven coordinate, or "embedded";
        None asks FIJI_HOME.

    Raises
    ------
    UserError : when the folder is not there, or is no Fiji.
    """
    source = "FIJI_HOME" if fiji is None else "--fiji"
    named = fiji or os.environ.get("FIJI_HOME") or "embedded"
    if named == "embedded":
        return "embedded", EMBEDDED
    if named == "endpoint":
        return "endpoint", ENDPOINT
    folder = Path(named).expanduser()
    if folder.is_dir():
        # On macOS the folder a user sees is an application bundle.
        for home in (folder, folder / "Contents" / "Java"):
            if (home / "jars").is_dir():
                return "folder", str(home)
        raise UserError(
            f"is not a Fiji folder: it has no jars folder ({source})",
            path=folder,
            remedy="Name the folder that holds Fiji's launcher.",
        )
    if _COORDINATE.fullmatch(named) and not folder.is_absolute():
        return "endpoint", named
    raise UserError(
        f"there is no such Fiji folder ({source})",
        path=folder,
        remedy="Name Fiji's folder, a Maven coordinate such as sc.fiji:fiji, or embedded.",
    )


def start(fiji: str | None = None, *, display: bool = False, jars: Sequence[str] = ()) -> Gateway:
    """Start ImageJ, or return the one that runs.

    Parameters
    ----------
    fiji : see :func:`choose`.
    display : whether windows will be shown; needs a screen.
    jars : Maven coordinates of what is needed besides, where a Fiji folder does not have it.

    Raises
    ------
    UserError : no Java, no network at the first run, no screen, a folder that is no Fiji; or
        another ImageJ is already running in this process.
    """
    global _current
    with _lock:
        if _current is None:
            _current = _host() if is_running() else _start(*choose(fiji), display, jars)
        elif fiji is not None and _current.kind != "host" and choose(fiji)[1] != _current.home:
            raise UserError(
                f"this process already runs ImageJ from {_current.home}, not {fiji}",
                remedy="Start a new process for another ImageJ.",
            )
    if display and _current.headless:
        raise UserError(
            "this process runs ImageJ without a screen, so no window can be opened",
            remedy="Ask for the display at the first start.",
        )
    return _current


def is_running() -> bool:
    """Return whether this process has an ImageJ already (its own, or the one it runs in)."""
    import jpype

    return bool(jpype.isJVMStarted())


def is_ours() -> bool:
    """Return whether this process has an ImageJ that it started itself."""
    return _current is not None and _current.kind != "host"


def leave_ctrl_c() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, not end Java, which says much on the way.

    For whoever waits in Python: within a call of Java no KeyboardInterrupt is heard.
    """
    if not is_running():
        import scyjava.config

        scyjava.config.add_option("-Xrs")
        scyjava.config.add_kwargs(interrupt=False)


def has_display() -> bool:
    """Return whether windows can be opened here."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY"))
    return True


def _start(kind: Kind, home: str, display: bool, jars: Sequence[str]) -> Gateway:
    if display and not has_display():
        raise UserError(
            "there is no screen to show ImageJ on (DISPLAY is not set)",
            remedy="Use a desktop, or put xvfb-run before the command.",
        )
    import jpype.config
    import scyjava.config

    # The default, "always", downloads a JDK also where there is one.
    scyjava.config.set_java_constraints(fetch="auto")
    # At the end of the process nothing waits for Java's threads: an open window would hang it.
    jpype.config.destroy_jvm = False
    with locales.in_unicode():
        if kind == "embedded":
            _start_embedded(home, display, jars)
            return Gateway(kind, home, not display)
        return Gateway(kind, home, not display, _start_fiji(kind, home, display, jars))


def _name_java() -> None:
    """Set JAVA_HOME to the folder of the Java on the search path, where it is not set.

    Of a link such as /usr/bin/java JPype knows no better than to look through all of /usr.
    """
    program = shutil.which("java")
    if program is None or os.environ.get("JAVA_HOME"):
        return
    home = Path(program).resolve().parent.parent
    if any(home.glob("lib/server/libjvm.*")) or (home / "bin" / "server" / "jvm.dll").is_file():
        os.environ["JAVA_HOME"] = str(home)


def _start_embedded(coordinate: str, display: bool, jars: Sequence[str]) -> None:
    import scyjava

    found = maven.of_imagej(coordinate, jars)
    if not display:
        scyjava.config.add_option("-Djava.awt.headless=true")
        if PATCHER in jars:
            scyjava.config.add_option("--add-opens=java.base/java.lang=ALL-UNNAMED")
    scyjava.config.add_classpath(*map(str, found))
    _name_java()
    with maven.explained(f"ImageJ ({coordinate})"):
        scyjava.start_jvm()
    if display:
        show_window()
    elif PATCHER in jars:
        # Before the first class of ImageJ is loaded: it cannot be patched later.
        scyjava.jimport("net.imagej.patcher.LegacyInjector").preinit()


def show_window() -> None:
    """Open ImageJ 1's main window, if it is not open."""
    from scyjava import jimport

    if jimport("ij.IJ").getInstance() is None:
        # EMBEDDED: closing ImageJ must not end the Java machine, which is Python's as well.
        jimport("ij.ImageJ")(jimport("ij.ImageJ").EMBEDDED)


def _start_fiji(kind: Kind, home: str, display: bool, jars: Sequence[str]) -> Any:
    import imagej
    import scyjava

    what = f"Fiji ({home})"
    if kind == "folder":
        _use_its_java(Path(home))
        if any((Path(home) / "jars").glob("imglib2-imglyb-*.jar")):
            # PyImageJ asks the network for this jar even when the folder has it.
            scyjava.config.endpoints.clear()
        for jar in jars:
            if not any((Path(home) / "jars").glob(f"{jar.split(':')[1]}-[0-9]*.jar")):
                scyjava.config.endpoints.append(jar)
    else:
        scyjava.config.endpoints.extend(jars)
        maven.download([*scyjava.config.endpoints, home], what)
    _name_java()
    with maven.explained(what):
        ij = imagej.init(home, mode="interactive" if display else "headless")
        if display:
            ij.ui().showUI()
    return ij


def _use_its_java(home: Path) -> None:
    """Prefer the Java that a Fiji brings: its jars may want a newer one than the system's."""
    if not os.environ.get("JAVA_HOME"):
        for library in sorted((home / "java").glob("**/server/libjvm.*")):
            os.environ["JAVA_HOME"] = str(library.parents[2])
            return


def _host() -> Gateway:
    """Take the ImageJ in whose process Python runs already."""
    from scyjava import jimport

    headless = bool(jimport("java.awt.GraphicsEnvironment").isHeadless())
    # In a Fiji, ImageJ 1 hands out the SciJava context by this name; alone, it has none.
    context = jimport("ij.IJ").runPlugIn("org.scijava.Context", "")
    if context is None:
        return Gateway("host", "the running ImageJ", headless)
    import imagej  # noqa: F401  adds the Python side to ImageJ2's gateway

    return Gateway("host", "the running Fiji", headless, jimport("net.imagej.ImageJ")(context))
