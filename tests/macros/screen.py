"""ImageJ with windows, for the processes of these tests: who answers its dialogs, what is open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import modal
import numpy as np


class Answers:
    """Closes ImageJ's messages, keeping their words, and does what a macro waits for a user to do.

    Without it a message would block the macro for ever.
    """

    def __init__(self, drawn: Callable[[str], None] = lambda text: None) -> None:
        self.messages: list[str] = []
        self.waits: list[str] = []
        self._drawn = drawn
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        from scyjava import jimport

        window = jimport("java.awt.Window")
        closed: list[Any] = []
        while True:
            time.sleep(0.1)
            for dialog in closed:
                dialog.close()  # again: a word to one that was shown, but did not wait yet, is lost
            for dialog in window.getWindows():
                kind = str(dialog.getClass().getName())
                if not modal.answerable(dialog):
                    continue
                title = str(dialog.getTitle()) if hasattr(dialog, "getTitle") else ""
                if kind == "ij.gui.MessageDialog" or title == "Macro Error":
                    self.messages.append(_words(dialog))
                    dialog.dispose()
                elif kind == "ij.gui.WaitForUserDialog":
                    self.waits.append(title)
                    self._drawn(title)
                    dialog.close()
                    closed.append(dialog)


def _words(container: Any) -> str:
    found = []
    for part in container.getComponents():
        if str(part.getClass().getName()) == "ij.gui.MultiLineLabel":
            # It can only be told its text.
            field = part.getClass().getDeclaredField("lines")
            field.setAccessible(True)
            found += map(str, field.get(part))
        elif hasattr(part, "getText"):
            found.append(str(part.getText()))
        elif hasattr(part, "getComponents"):
            found.append(_words(part))
    return " ".join(found)


def without_options(
    macro: Path,
    title: str,
    texts: Sequence[object] = (),
    choices: Sequence[str] = (),
    boxes: Sequence[bool] = (),
) -> str:
    """Run a macro as its user does, who fills in the dialog of this title; what it returns."""
    from imagej_dl.fiji import menu

    user = threading.Thread(target=_fill, args=(title, texts, choices, boxes), daemon=True)
    user.start()
    try:
        return menu.run_macro(macro)
    finally:
        user.join()


def _fill(
    title: str, texts: Sequence[object], choices: Sequence[str], boxes: Sequence[bool]
) -> None:
    from scyjava import jimport

    window, event = jimport("java.awt.Window"), jimport("java.awt.event.ActionEvent")
    end = time.monotonic() + 120
    while not (open_ := [d for d in window.getWindows() if _is(d, title) and modal.answerable(d)]):
        if time.monotonic() > end:
            raise TimeoutError(f"the dialog {title} did not come")
        time.sleep(0.05)
    entries: list[tuple[Any, Any]] = []
    entries += zip(open_[0].getStringFields() or (), map(str, texts), strict=False)
    entries += zip(open_[0].getChoices() or (), choices, strict=False)
    entries += zip(open_[0].getCheckboxes() or (), boxes, strict=False)
    modal.enter(entries)
    ok = open_[0].getButtons()[0]
    queue = jimport("java.awt.Toolkit").getDefaultToolkit().getSystemEventQueue()
    queue.postEvent(event(ok, event.ACTION_PERFORMED, ok.getLabel()))


def _is(dialog: Any, title: str) -> bool:
    return str(dialog.getClass().getName()).endswith("GenericDialog") and dialog.getTitle() == title


def pixels(title: str) -> np.ndarray:
    """Return an open image's pixels: (plane, Y, X), or (Y, X) of a single plane."""
    from scyjava import jimport

    stack = jimport("ij.WindowManager").getImage(title).getStack()
    planes = []
    for index in range(1, stack.size() + 1):
        ip = stack.getProcessor(index)
        array = np.asarray(ip.getPixels()[:]).reshape(ip.getHeight(), ip.getWidth())
        unsigned = {"int8": np.uint8, "int16": np.uint16}.get(array.dtype.name)
        planes.append(array.view(unsigned) if unsigned else array)
    return planes[0] if len(planes) == 1 else np.stack(planes)


def open_titles() -> list[str]:
    """Return the titles of all open images."""
    from scyjava import jimport

    manager = jimport("ij.WindowManager")
    return [str(manager.getImage(i).getTitle()) for i in (manager.getIDList() or [])]


def close(imp: Any) -> None:
    """Close an image without the question whether to save it."""
    imp.changes = False
    imp.close()
