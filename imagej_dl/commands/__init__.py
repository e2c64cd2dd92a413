"""The commands, one declaration each: the command line, macros, dialogs and JSON share them.

A command is a module of this folder and one entry of :data:`TABLE`. The table is all that
`imagej-dl --help` reads, so that it answers at once; a command's own module is imported when the
command is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imagej_dl.commands.base import Command


class Entry(NamedTuple):
    """A command as it is known before its module is imported.

    declaration : name of the class that declares it.
    summary : one line for `--help` and ImageJ's dialog.
    menu : label in ImageJ's menu, by which macros call it: public, and never changed. Without
        one the command is for a terminal only.
    """

    declaration: str
    summary: str
    menu: str = ""


TABLE: dict[str, Entry] = {
    "new": Entry("New", "Create the folders of a new project.", "ImageJ-DL New project"),
    "prepare": Entry("Prepare", "Convert a project's raw images to the images for annotation."),
    "annotate": Entry(
        "Annotate",
        "Prepare the next image for drawing, or store its ROIs.",
        "ImageJ-DL Annotate next image",
    ),
    "labels": Entry(
        "Labels",
        "Rasterise ROIs into label maps, pixel for pixel as ImageJ fills them.",
        "ImageJ-DL Make label maps",
    ),
    "rois": Entry("Rois", "Trace the objects of a label map into a RoiSet.zip."),
    "noise-model": Entry(
        "NoiseModel",
        "Measure the noise of a camera, for kinds of training that know it.",
        "ImageJ-DL Noise model",
    ),
    "train": Entry(
        "Train", "Train a segmentation model on a project's label maps.", "ImageJ-DL Train"
    ),
    "search": Entry("Search", "Search hyperparameters for the best model, then train it."),
    "models": Entry("Models", "List the ready models, or print the card of one."),
    "engines": Entry(
        "Engines", "List engines of others, such as StarDist and Cellpose; install or remove one."
    ),
    "predict": Entry(
        "Predict", "Segment images and videos with a trained model.", "ImageJ-DL Predict"
    ),
    "export": Entry(
        "Export",
        "Write a model as a package of BioImage.IO, for other programs.",
        "ImageJ-DL Export model",
    ),
    "denoise": Entry(
        "Denoise",
        "Denoise images by training on them, alone or in pairs.",
        "ImageJ-DL Denoise",
    ),
    "correct": Entry(
        "Correct",
        "Correct a model's ROIs, and retrain it on the corrected images.",
        "ImageJ-DL Correct and retrain",
    ),
    "fiji": Entry("Fiji", "Open ImageJ or Fiji with the commands in its menu; run a macro."),
    "install": Entry("Install", "Install the commands and macros into a Fiji folder."),
    "uninstall": Entry(
        "Uninstall", "Remove the commands and macros from a Fiji folder, and nothing else."
    ),
    "update-site": Entry(
        "UpdateSite", "Make the folder of an update site, from which Fiji installs the commands."
    ),
    "show": Entry("Show", "Show a label map over its image in ImageJ, with its ROIs."),
    "fill-gaps": Entry(
        "FillGaps", "Fill in objects that are missing in single frames of a label movie."
    ),
    "track": Entry(
        "Track",
        "Track the objects of a label movie with TrackMate, or with its trackers in Python.",
        "ImageJ-DL Track",
    ),
    "corrections": Entry("Corrections", "Turn tracks corrected in TrackMate into ground truth."),
    "evaluate": Entry(
        "Evaluate", "Score label maps or tracks against the ground truth.", "ImageJ-DL Evaluate"
    ),
    "tune-tracking": Entry("TuneTracking", "Tune a tracker's settings against the ground truth."),
    "serve": Entry("Serve", "Serve a web page that segments uploaded images."),
    "settings": Entry(
        "Settings", "Set preferences of all commands on this machine.", "ImageJ-DL Settings"
    ),
    "frames": Entry(
        "Frames", "Split videos into frames, or join frames into videos; CTC folders too."
    ),
    "config": Entry("Config", "Convert a configuration file of microscopy-dl-suite-tf."),
    "doctor": Entry("Doctor", "Check Java, ImageJ, Fiji, TrackMate, TensorFlow and the GPU."),
    "demo": Entry("Demo", "Run the whole workflow once, and report it with pictures."),
}
"""The commands by their names on the command line, in the order of the work."""


def load(name: str) -> type[Command]:
    """Import and return the class that declares the command `name`."""
    return getattr(
        import_module(f"imagej_dl.commands.{name.replace('-', '_')}"), TABLE[name].declaration
    )
