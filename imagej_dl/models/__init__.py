"""Networks and the MODEL folders that keep them.

Importing this loads no TensorFlow; building, loading and using a network does.
"""

from imagej_dl.methods.shared.postprocessing_settings import Instances
from imagej_dl.models.bundle import ModelBundle
from imagej_dl.models.config import CLASSES, Architecture, ModelConfig
from imagej_dl.models.folder import check, load, load_config, save
from imagej_dl.models.networks.registry import NETWORKS, network

__all__ = [
    "CLASSES",
    "NETWORKS",
    "Architecture",
    "Instances",
    "ModelBundle",
    "ModelConfig",
    "check",
    "load",
    "load_config",
    "network",
    "save",
]
