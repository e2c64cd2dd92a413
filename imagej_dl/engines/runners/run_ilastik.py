"""Run by ilastik's own Python (bin/python in its folder); see serve.py for how it is asked.

ilastik takes seconds to start, so that the project stays open, and planes go to it as arrays.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, NamedTuple

import components
import h5py
import numpy as np
import vigra
from ilastik import __version__, isVersionCompatible
from serve import Arrays, Refused, Teller, Values, main

_WORKFLOWS = (
    "Pixel Classification",
    "AutocontextTwoStage",
    "Object Classification (from pixel classification)",
)
"""Those that need nothing but an image."""
_CLASSIFIER = re.compile(r"lazyflow\.classifiers\.\w+ \w+Classifier(Factory)?")
_PLAIN = ("copy_reg _reconstructor", "copyreg _reconstructor", "__builtin__ object")
_open: dict[str, tuple[Any, Project]] = {}


class Project(NamedTuple):
    """Facts that the file of a project tells.

    Attributes
    ----------
    axes : of the images it was trained on, such as "yxc"; channels : of them.
    trained : whether it holds a classifier, so that their files are not needed.
    """

    axes: str
    channels: int
    trained: bool


def guard(event: str, given: tuple[Any, ...]) -> None:
    """Let pickles name ilastik's own classifiers only: a project may hold any, which are code."""
    if event == "pickle.find_class":
        named = " ".join(map(str, given))
        if named not in _PLAIN and not _CLASSIFIER.fullmatch(named):
            raise Refused(f"it holds a Python object ({named}), which is not opened")


def load(path: str) -> tuple[Any, Project]:
    """Open a project, once; return its workflow and what its file says.

    None is closed before the end: ilastik 1.4.1 may fail in that, and then waits for ever.
    """
    if path not in _open:
        project = read(path)
        from ilastik import app  # not at the top: whoever asks for the version need not wait

        try:
            if _open:  # its threads have been started
                from ilastik.shell.headless.headlessShell import HeadlessShell

                shell = HeadlessShell([])
                shell.openProjectFile(path, True)
            else:
                arguments = app.parse_args(["--headless", "--project", path])
                arguments.readonly = True
                shell = app.main(arguments, init_logging=False)
        except Exception as error:
            raise _refused("the project could not be opened", error) from error
        _open[path] = shell, project
    shell, project = _open[path]
    return shell.workflow, project


def read(path: str) -> Project:
    """Read the file of a project; refuse what is none, and what takes more than a plane."""
    try:
        with h5py.File(path, "r") as file:
            version, workflow = (_text(file, key) for key in ("ilastikVersion", "workflowName"))
            lanes = [lane.get("Raw Data") for lane in file.get("Input Data/infos", {}).values()]
            sizes = next((_sizes(lane) for lane in lanes if lane), {})
            stages = [file[key] for key in file if key.startswith("PixelClassification")]
            trained = all("ClassifierForests" in stage for stage in stages)
            pickled = any("ClassifierForests/pickled_classifier" in stage for stage in stages)
    except BlockingIOError:
        raise Refused(f"{path} is in use", "Close the project in ilastik.") from None
    except (OSError, KeyError, ValueError) as error:
        raise Refused(f"{path} is no project of ilastik: {error.args[-1]}") from error
    if not isVersionCompatible(version):
        raise Refused(f"the project is of ilastik {version}, which {__version__} does not open")
    if workflow not in _WORKFLOWS:
        raise Refused(
            f"the project is of the workflow {workflow}, which is not run here",
            f"Those that are take an image alone: {', '.join(_WORKFLOWS)}.",
        )
    if not sizes:
        raise Refused("nothing was trained in the project: it has no images")
    if sizes.get("z", 1) > 1:
        raise Refused("the project was trained on volumes, and planes are predicted here")
    if pickled:  # ilastik would go on without it, and train anew
        raise Refused(
            "the project has a classifier of scikit-learn, which would be unpickled",
            "Train it in ilastik with its own random forest.",
        )
    axes = "".join(sizes) if "c" in sizes else "".join(sizes) + "c"
    return Project(axes, sizes.get("c", 1), trained)


def _sizes(lane: Any) -> dict[str, int]:
    """Return the axes of an image of a project, with its size along each."""
    axes = [axis["key"] for axis in json.loads(_text(lane, "axistags"))["axes"]]
    return dict(zip(axes, map(int, lane["shape"][()])))  # noqa: B905 - Python 3.9 has no strict


def _text(group: Any, key: str) -> str:
    return group[key][()].decode("utf-8")


def opened(arrays: Arrays, values: Values, tell: Teller) -> Arrays:
    """Open the project, so that what is wrong with it is told before the first image."""
    workflow, project = load(values["model"])
    output(workflow, values["settings"]["export_source"])
    if not project.trained:
        tell.warning(
            "the project has no trained classifier, and is trained anew from its labels; "
            "in ilastik, switch on Live Update in Training and save it"
        )
    return {}


def output(workflow: Any, wanted: str) -> int:
    """Return the number of what is to be exported; of two stages it is that of the last."""
    names = list(workflow.dataExportApplet.topLevelOperator.SelectionNames.value)
    for number, name in enumerate(names):  # the last stage comes first
        if name == wanted or name.startswith(f"{wanted} Stage"):
            return number
    raise Refused(
        f"the project ({workflow.workflowName}) has no {wanted}",
        "Of pixel classification, `export_source` is Simple Segmentation.",
    )


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    """Segment a plane as ilastik's batch processing does."""
    settings, image = values["settings"], arrays["image"]
    workflow, project = load(values["model"])
    number = output(workflow, settings["export_source"])
    image = image if image.ndim == 3 else image[..., None]
    if image.shape[2] != project.channels:
        raise Refused(
            f"the project was trained on {project.channels} channel(s), "
            f"and the image has {image.shape[2]}"
        )
    alone = [axis for axis in project.axes if axis not in "yxc"]
    axes = "yxc" + "".join(alone)
    plane = image.reshape(*image.shape, *(1 for _ in alone))
    plane = plane.transpose([axes.index(axis) for axis in project.axes])
    try:
        found, axes = _export(workflow, number, plane, project.axes, tell)
    except Exception as error:
        raise _refused("the image could not be predicted", error) from error
    labels = found[tuple(slice(None) if axis in "yx" else 0 for axis in axes)]
    labels = labels if axes.index("y") < axes.index("x") else labels.T
    if settings["export_source"] == "Simple Segmentation":
        labels = components.objects(labels, [settings["label"]], settings["min_size"])
    return {"labels": np.asarray(labels, np.int64)}


def _export(
    workflow: Any, number: int, plane: np.ndarray, axes: str, tell: Teller
) -> tuple[np.ndarray, str]:
    """Return what a project gives for an image, and its axes.

    What the project would do to its files is left out: to cut a region out, to scale pixels, to
    write a table of the objects.
    """
    from ilastik.applets.dataSelection.opDataSelection import PreloadedArrayDatasetInfo
    from lazyflow.operators.ioOperators import OpExportToArray

    data, export = workflow.dataSelectionApplet, workflow.dataExportApplet
    tags = vigra.defaultAxistags(axes)
    info = PreloadedArrayDatasetInfo(preloaded_array=plane, axistags=tags)
    export.prepare_for_entire_export()
    data.pushLane({"Raw Data": info})
    try:
        slot = export.topLevelOperator.getLane(data.num_lanes - 1).Inputs[number]
        if not slot.ready():
            raise Refused("nothing was trained in the project")
        whole = OpExportToArray(parent=workflow)
        try:
            whole.progressSignal.subscribe(lambda part: tell.progress("predict", part, 100))
            whole.Input.connect(slot)
            return whole.run_export_to_array(), "".join(slot.meta.getAxisKeys())
        finally:
            whole.cleanUp()
    finally:
        data.dropLastLane()
        export.post_process_entire_export()


def _refused(what: str, error: BaseException) -> Refused:
    """Return the first of the errors that led to one, which says more than those after it."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, Refused):
        return Refused(f"{what}: {error}", error.remedy)
    words = " ".join(str(error).split())[:300]
    return Refused(f"{what}: {type(error).__name__}: {words}")


if __name__ == "__main__":
    sys.addaudithook(guard)
    main(lambda: __version__, load=opened, segment=segment)
