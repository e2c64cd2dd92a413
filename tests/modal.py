"""When a dialog of Java can be answered.

AWT shows a modal dialog first and begins to wait for its end after that. One closed in between is
never told, and whoever showed it waits for ever: a user is not that quick, a test is.
"""

from __future__ import annotations

from typing import Any


def answerable(window: Any) -> bool:
    """Whether a window is shown and, if it is a modal dialog, waits for its end.

    No dialog says so itself: there must be as many waits in all threads as modal dialogs shown.
    """
    from scyjava import jimport

    if not window.isShowing():
        return False
    if not _is_modal(window):
        return True
    shown = [w for w in jimport("java.awt.Window").getWindows() if w.isShowing() and _is_modal(w)]
    return _waits() >= len(shown)


def _is_modal(window: Any) -> bool:
    return hasattr(window, "isModal") and bool(window.isModal())


def _waits() -> int:
    from scyjava import jimport

    found = 0
    for stack in jimport("java.lang.Thread").getAllStackTraces().values():
        names = [f"{frame.getClassName()}.{frame.getMethodName()}" for frame in stack]
        for place, name in enumerate(names):
            if name == "java.awt.WaitDispatchSupport.enter":
                # Inside of it: in the pump of events, or waiting for the pump of the other thread.
                inner = names[:place]
                found += bool(inner) and inner[-1] in (
                    "java.lang.Object.wait",
                    "java.awt.WaitDispatchSupport$2.run",
                )
    return found
