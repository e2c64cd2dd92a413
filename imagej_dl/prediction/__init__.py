"""Prediction: planes through the network tile by tile, probabilities to objects.

Importing this loads no TensorFlow; :func:`predict` gets its network from a model bundle.
"""

from imagej_dl.prediction.instances import instances

__all__ = ["instances"]
