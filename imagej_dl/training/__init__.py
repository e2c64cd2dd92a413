"""Training: from images and label maps to a MODEL folder.

In the order of the data: `fit` (the public `train`), `data_sources` and `examples` (images and
label maps), `split`, `patches` (the tf.data stream of augmented patches), `builder` (network,
optimizer and all else of a run), `run` (`keras.Model.fit`), `trainer` (its training step),
`optimizers`, `callbacks`, `checkpoint`, and `finalize` (post-processing parameters, scores, the
MODEL folder).

Importing this loads no TensorFlow; `train` does.
"""

from imagej_dl.methods.border import border_target
from imagej_dl.methods.shared.class_method import binary_target
from imagej_dl.training.data_sources import Given, Maps, find_images, find_pairs
from imagej_dl.training.events import Epoch, EpochEvent, Watch
from imagej_dl.training.fit import train
from imagej_dl.training.settings import Settings

__all__ = [
    "Epoch",
    "EpochEvent",
    "Given",
    "Maps",
    "Settings",
    "Watch",
    "binary_target",
    "border_target",
    "find_images",
    "find_pairs",
    "train",
]
