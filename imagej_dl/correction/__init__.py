"""Correct and retrain: the model proposes ROIs, the user corrects them, the model learns of it.

The loop is that of Cellpose 2 (Pachitariu & Stringer, Nature Methods 2022). Its state is in
PROJECT/Corrections and in the RoiSets themselves, so it goes on after any stop. Importing this
loads no TensorFlow.
"""

from imagej_dl.correction.changes import Changes, compare
from imagej_dl.correction.engine_models import ByEngine
from imagej_dl.correction.proposals import Proposal, next_image
from imagej_dl.correction.retraining import Retraining, retrain
from imagej_dl.correction.saving import Correction, mark_empty, save
from imagej_dl.correction.status import Row, Status, status
from imagej_dl.correction.store import engine_in_use
from imagej_dl.correction.uncertainty import Uncertainty

__all__ = [
    "ByEngine",
    "Changes",
    "Correction",
    "Proposal",
    "Retraining",
    "Row",
    "Status",
    "Uncertainty",
    "compare",
    "engine_in_use",
    "mark_empty",
    "next_image",
    "retrain",
    "save",
    "status",
]
