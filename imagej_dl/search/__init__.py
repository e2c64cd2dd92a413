"""The hyperparameter search: Bayesian, with k-fold cross-validation, before the final training.

Importing this loads neither TensorFlow nor Optuna; `search` does.
"""

from imagej_dl.search.folds import folds
from imagej_dl.search.run import Found, search
from imagej_dl.search.space import Space

__all__ = ["Found", "Space", "folds", "search"]
