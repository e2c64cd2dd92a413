"""Prediction: planes through the network tile by tile, probabilities to objects.

Importing this loads no TensorFlow; a bundle brings its network along.
"""

from imagej_dl.methods.shared.postprocessing import instances
from imagej_dl.prediction.plane_outputs import Plane, planes
from imagej_dl.prediction.predict import Prediction, predict, predict_image, preview

__all__ = ["Plane", "Prediction", "instances", "planes", "predict", "predict_image", "preview"]
