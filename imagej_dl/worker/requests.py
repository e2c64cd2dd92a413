"""Requests of ImageJ to the training that runs in this process, made by calls beside it."""

from __future__ import annotations

import threading
from pathlib import Path

enough = threading.Event()
"""Set when the user wants the training's model as it is now."""
stop = threading.Event()
"""Set when the training is to be cancelled, and not what comes after it."""
exports: list[Path] = []
"""Folders into which the model of the present epoch is to be written when the epoch ends."""


def forget() -> None:
    """Forget what was asked of an earlier training."""
    enough.clear()
    stop.clear()
    exports.clear()
