"""How a test fills in a dialog of Java, and when it can be answered.

AWT shows a modal dialog first and begins to wait for its end after that. One closed in between is
never told, and whoever showed it waits for ever: a user is not that quick, a test is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def on_edt(function: Callable[[], Any]) -> None:
    """Do something in the thread of the windows, where a user's hands are."""
    import jpype
    from scyjava import jimport

    proxy = jpype.JProxy("java.lang.Runnable", dict={"run": function})
    jimport("java.awt.EventQueue").invokeAndWait(proxy)


def soon(function: Callable[[], Any]) -> None:
    """Do something in the thread of the windows that ends later, such as to open a modal dialog."""
    import jpype
    from scyjava import jimport

    proxy = jpype.JProxy("java.lang.Runnable", dict={"run": function})
    jimport("java.awt.EventQueue").invokeLater(proxy)


def enter(entries: Iterable[tuple[Any, Any]]) -> None:
    """Give fields of a dialog their text, choices their item, boxes their state.

    AWT paints in the thread of the windows; a text set in another one while it paints can lock both
    for ever (each holds what the other waits for).
    """

    def fill() -> None:
        for part, value in entries:
            if hasattr(part, "setText"):
                part.setText(value)
            elif hasattr(part, "setState"):
                part.setState(value)
            else:
                part.select(value)

    on_edt(fill)


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
                # The one pump is started from within others' frames, as the Java version has it.
                inner = names[:place]
                found += bool(inner) and (
                    inner[-1] == "java.lang.Object.wait"
                    or "java.awt.WaitDispatchSupport$2.run" in inner
                )
    return found
