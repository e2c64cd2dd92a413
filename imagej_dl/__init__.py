"""imagej-dl: from the ROIs you draw in Fiji to a TensorFlow model, predictions and tracks.

The steps are sub-packages, in the order in which data flows through them:
`images`, `rois`, `training` (with `models`), `prediction`, `tracking`, `evaluation`;
`fiji` is the bridge to ImageJ and TrackMate. They are imported when first used:
importing `imagej_dl` loads neither TensorFlow nor Java.
"""

from importlib import import_module
from types import ModuleType

from imagej_dl._version import __version__
from imagej_dl.errors import Cancelled, DataWarning, UserError

_STEPS = (
    "images",
    "rois",
    "models",
    "training",
    "prediction",
    "tracking",
    "evaluation",
    "simulation",
    "fiji",
)

__all__ = ["Cancelled", "DataWarning", "UserError", "__version__", *_STEPS]


def __getattr__(name: str) -> ModuleType:
    if name in _STEPS:
        return import_module(f"imagej_dl.{name}")
    raise AttributeError(f"module 'imagej_dl' has no attribute {name!r}")
