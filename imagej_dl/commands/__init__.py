"""The commands, one declaration each: the command line, macros, dialogs and JSON share them.

This table is all that `imagej-dl --help` reads, so that it answers at once; a command's own
module is imported when the command is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagej_dl.commands.base import Command

# name on the command line: (class, what it does); the order is that of the work.
TABLE = {
    "new": ("New", "Make the folders of a new project."),
    "prepare": ("Prepare", "Make the images to draw on of a project's raw ones."),
    "annotate": ("Annotate", "Make the next image ready to draw on, or store its ROIs."),
    "labels": ("Labels", "Turn ROIs into label maps, pixel for pixel as ImageJ fills them."),
    "rois": ("Rois", "Turn a label map into a RoiSet.zip."),
    "train": ("Train", "Train a segmentation model on a project's label maps."),
    "search": ("Search", "Search for the settings that train the best model, then train it."),
    "predict": ("Predict", "Segment images and videos with a trained model."),
    "correct": ("Correct", "Correct a model's ROIs, and retrain it on what was corrected."),
    "fiji": ("Fiji", "Open ImageJ or Fiji with the commands in its menu; run a macro."),
    "install": (
        "Install",
        "Put the commands and macros into a Fiji folder, for a Fiji started by a double click.",
    ),
    "uninstall": (
        "Uninstall",
        "Take the commands and macros out of a Fiji folder again, those and nothing else.",
    ),
    "show": ("Show", "Show a label map over its image in ImageJ, with its ROIs."),
    "fill-gaps": ("FillGaps", "Fill in objects missing in single frames of a label movie."),
    "track": ("Track", "Track the objects of a label movie, by TrackMate or without Java."),
    "corrections": (
        "Corrections",
        "Turn tracks corrected in TrackMate into ground truth for training and scoring.",
    ),
    "evaluate": ("Evaluate", "Score label maps or tracks against the truth."),
    "tune-tracking": (
        "TuneTracking",
        "Find the settings of a tracker that score best against ground truth.",
    ),
    "serve": ("Serve", "Serve a web page that segments uploaded images."),
    "settings": ("Settings", "Set what holds for all commands on this machine."),
    "frames": (
        "Frames",
        "Cut videos into frames, or put frames together to videos; CTC folders too.",
    ),
    "config": ("Config", "Turn a configuration file of microscopy-dl-suite-tf into ours."),
    "doctor": ("Doctor", "Say what is there of Java, ImageJ, Fiji, TrackMate, TensorFlow, GPU."),
    "demo": ("Demo", "Run the whole chain once, and report it with pictures."),
}


def load(name: str) -> type[Command]:
    """Import and return the class that declares the command `name`."""
    return getattr(import_module(f"imagej_dl.commands.{name.replace('-', '_')}"), TABLE[name][0])
