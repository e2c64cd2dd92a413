"""Open TrackMate's window on a file, and wait until it is closed."""

from __future__ import annotations

import time
from pathlib import Path

from imagej_dl.errors import UserError
from imagej_dl.fiji import gateway
from imagej_dl.fiji.trackmate.settings import PACKAGE, version


def start_window(fiji: str | None = None) -> None:
    """Start a Fiji with TrackMate so that windows can be opened.

    Raises
    ------
    UserError : where there is no screen, no Fiji, or none with TrackMate.
    """
    if gateway.choose(fiji)[0] == "embedded" and not gateway.is_running():
        raise UserError(
            "TrackMate's window needs a Fiji with TrackMate, but none is named",
            remedy="Name its folder with --fiji or FIJI_HOME; tracks.xml opens in any other "
            "Fiji by Plugins > Tracking > Load a TrackMate file.",
        )
    gateway.leave_ctrl_c()
    gateway.start(fiji, display=True)
    if version() is None:
        raise UserError(
            "this Fiji has no TrackMate", path=fiji, remedy="Install it with Fiji's updater."
        )


def wait_until_closed() -> None:
    """Return when the user has closed ImageJ, or TrackMate's windows and all images."""
    from scyjava import jimport

    ij, window = jimport("ij.IJ"), jimport("java.awt.Window")
    # Swing opens TrackMate's window on its own thread, a moment later.
    patience = time.monotonic() + 10
    opened = False
    while (main := ij.getInstance()) is not None:
        others = [w for w in window.getWindows() if w.isVisible() and not w.equals(main)]
        opened |= any("TrackMate" in str(getattr(w, "getTitle", str)()) for w in others)
        if not others and (opened or time.monotonic() > patience):
            return
        time.sleep(0.2)


def open_window(xml: Path) -> None:
    """Open a TrackMate file in TrackMate's window, with the image that it names."""
    from scyjava import jimport

    jimport(f"{PACKAGE}.LoadTrackMatePlugIn")().run(str(xml.resolve()))
    # A 16-bit image is black until its display range fits what is in it.
    for imp_id in jimport("ij.WindowManager").getIDList() or ():
        imp = jimport("ij.WindowManager").getImage(imp_id)
        imp.resetDisplayRange()
        imp.updateAndDraw()
