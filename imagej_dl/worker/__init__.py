"""The worker process of ImageJ: TensorFlow runs here, not in ImageJ's own process.

ImageJ's side starts it through Appose (https://github.com/apposed/appose), hands images over in
shared memory, follows its progress, and cancels it. Its calls are :func:`commands`,
:func:`plan`, :func:`run`, :func:`enough`, :func:`stop`, :func:`export`, :func:`holding` and
:func:`remember`.
"""

from __future__ import annotations

import warnings
from typing import Any

from imagej_dl.worker.exporting import export
from imagej_dl.worker.run import commands, enough, holding, plan, remember, run, stop
from imagej_dl.worker.session import Session

__all__ = [
    "Desk",
    "Session",
    "commands",
    "enough",
    "export",
    "holding",
    "plan",
    "remember",
    "run",
    "stop",
]


def __getattr__(name: str) -> Any:
    if name == "Desk":
        warnings.warn(
            "imagej_dl.worker.Desk is now called Session", DeprecationWarning, stacklevel=2
        )
        return Session
    raise AttributeError(f"module 'imagej_dl.worker' has no attribute {name!r}")
