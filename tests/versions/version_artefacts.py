"""The artefacts of a version, a function a kind; each writes into the present folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import roifile
from version_inputs import box, discs, line, moving, write, write_fluffy, write_rois
from version_steps import SHORT_SEARCH, TUNING, command

import imagej_dl

PACKAGE = Path(imagej_dl.__file__).parent


TINY = "--patch 32 --batch 4 --depth 1 --width 4 --learning-rate 0.02"


FEW = json.dumps({"last_width": 4, "steps": 30}, separators=(",", ":"))


def write_training_data() -> None:
    for seed, name in enumerate("abcdef"):
        image, labels = discs(seed)
        write(image, f"data/images/{name}.tif")
        write(labels, f"data/masks/{name}.tif")


def start_project(names: str) -> None:
    """Make a project of images a to f; ROIs are drawn on those that are named."""
    command("new project")
    for seed, name in enumerate("abcdef"):
        image, labels = discs(seed)
        write(image, f"project/Raw/{name}.tif")
        if name in names:
            write_rois(labels, "drawn.zip")
            command("annotate project --name " + name)
            command(f"annotate project --name {name} --rois drawn.zip")
            Path("drawn.zip").unlink()
    command("labels project")


def make_models() -> None:
    write_training_data()
    write(discs(7, 64)[0], "plane.tif")
    write(moving(4)[0], "movie.tif", "TYX")
    for kind in ("border", "binary", "foreground", "contour"):
        command(f"train data --out models/{kind} --kind {kind} --epochs 6 {TINY} --settings {FEW}")
    lstm = "--architecture unet_lstm --kind foreground --epochs 2"
    few = json.dumps({"frames": 2, "steps": 20}, separators=(",", ":"))
    write(moving()[0], "video/images/v.tif", "TYX")
    write(moving()[1], "video/masks/v.tif", "TYX")
    command(f"train video --out models/unet_lstm {lstm} {TINY} --settings {few}")
    alone = "--architecture mobilenet_mobileunet --kind foreground --epochs 2"
    few = json.dumps({"steps": 20}, separators=(",", ":"))
    command(f"train data --out models/mobilenet {alone} {TINY} --settings {few}")
    write_fluffy(Path("models/fluffy.h5"))
    shutil.rmtree("data")
    shutil.rmtree("video")


def make_settings() -> None:
    from imagej_dl import worker

    command("settings --device cpu --engine tensorflow --tile 512 --idle 60")
    worker.remember(
        {
            "asked": {"train": {"epochs": "5", "kind": "contour"}},
            "given": {"project": "cells", "model": "models/cells"},
        }
    )


def make_training() -> None:
    write_training_data()
    few = json.dumps({"last_width": 4, "dropout": 0.1, "steps": 10}, separators=(",", ":"))
    long = "--epochs 2000 --patience 2000"
    killed(f"train data --out stopped {long} {TINY} --settings {few}", Path("stopped"))


def killed(line: str, model: Path) -> None:
    """Run a command, and kill it once a training has kept its second epoch."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imagej_dl", *line.split()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and _epochs(model) < 2:
        time.sleep(0.01)
    if process.poll() is not None:
        raise SystemExit(f"{line}: ended before it could be killed")
    process.send_signal(signal.SIGKILL)
    process.wait()
    # On this machine the lock of a dead process counts for nothing; elsewhere nobody knows.
    for lock in Path().rglob("*.imagej-dl.lock"):
        lock.unlink()


def _epochs(model: Path) -> int:
    try:
        with np.load(model / ".training" / "last.npz") as kept:
            return int(json.loads(bytes(kept["state"]))["epoch"])
    except OSError:
        return 0


def make_project() -> None:
    start_project("abc")
    write(np.zeros((40, 50), np.uint8), "drawn.tif", scale=1.0)
    drawn = [
        roifile.ImagejRoi.frompoints([[4.0, 4], [20, 6], [15, 22], [3, 15]], name="polygon"),
        roifile.ImagejRoi.frompoints([[10.25, 8.5], [30.75, 9], [28.5, 20.25]], name="sub-pixel"),
        box(roifile.ROI_TYPE.RECT, "rectangle", 25, 2, 38, 12),
        box(roifile.ROI_TYPE.OVAL, "oval", 20, 25, 45, 38),
        line("line", 2, 35, 15, 28),
    ]
    with zipfile.ZipFile("drawn_RoiSet.zip", "w") as archive:
        for roi in drawn:
            archive.writestr(f"{roi.name}.roi", roi.tobytes())


def make_correction() -> None:
    start_project("abcd")
    few = json.dumps({"last_width": 4, "steps": 30}, separators=(",", ":"))
    # In the project, so that the state holds no path of the machine.
    command(f"train project --out project/Models/first --epochs 4 {TINY} --settings {few}")
    command("correct project --model project/Models/first")
    name = next(iter(json.loads(Path("project/Corrections/state.json").read_text())["proposed"]))
    write_rois(discs("abcdef".index(name))[1], "drawn.zip")
    command(f"correct project --step save --name {name} --rois drawn.zip")
    Path("drawn.zip").unlink()
    model = Path("project/Corrections/models/round_1")
    killed("correct project --step retrain --epochs 2000", model)


def make_search() -> None:
    write_training_data()
    space = {
        "optimizer": ["Adam", "RMSprop"],
        "learning_rate": [0.02, 0.005],
        "batch": [4],
        "depth": [1, 2],
        "width": [4],
        "last_width": [4],
    }
    Path("space.json").write_text(json.dumps(space))
    command(f"{SHORT_SEARCH} --trials 1")


def make_tuning() -> None:
    labels = moving()[1]
    write(labels, "labels.tif", "TYX")
    command("track labels.tif --out tracked --engine embedded")
    command("corrections tracked/tracks.xml --out corrected")
    shutil.move("corrected/01_GT", "01_GT")
    shutil.rmtree("tracked")
    shutil.rmtree("corrected")
    space = {"LINKING_MAX_DISTANCE": [0.5, 10.0], "ALLOW_TRACK_SPLITTING": [True, False]}
    Path("space.json").write_text(json.dumps(space))
    command(f"{TUNING} --trials 4")


# Distances in the midst of the steps, so that a small change of a tracker changes links.
TRACKERS = {
    "lap": {
        "tracker": "SPARSE_LAP_TRACKER",
        "settings": {
            "LINKING_MAX_DISTANCE": 1.1,
            "LINKING_FEATURE_PENALTIES": {"AREA": 0.5},
            "ALLOW_TRACK_SPLITTING": True,
            "SPLITTING_MAX_DISTANCE": 4.0,
            "ALLOW_TRACK_MERGING": True,
            "MERGING_MAX_DISTANCE": 3.0,
        },
    },
    "simple_lap": {
        "tracker": "SIMPLE_SPARSE_LAP_TRACKER",
        "settings": {"LINKING_MAX_DISTANCE": 1.1, "MAX_FRAME_GAP": 2},
    },
    "nearest": {
        "tracker": "NEAREST_NEIGHBOR_TRACKER",
        "settings": {"LINKING_MAX_DISTANCE": 1.1},
    },
    "kalman": {
        "tracker": "KALMAN_TRACKER",
        "settings": {"LINKING_MAX_DISTANCE": 1.1, "KALMAN_SEARCH_RADIUS": 0.8},
    },
    "advanced_kalman": {
        "tracker": "ADVANCED_KALMAN_TRACKER",
        "settings": {"LINKING_MAX_DISTANCE": 1.1, "ALLOW_TRACK_SPLITTING": True},
    },
    "overlap": {"tracker": "OVERLAP_TRACKER", "settings": {"MIN_IOU": 0.5}},
    "filtered": {
        "tracker": "SPARSE_LAP_TRACKER",
        "settings": {"LINKING_MAX_DISTANCE": 1.1},
        "spot_filters": [{"feature": "AREA", "value": 2.0, "isabove": True}],
        "track_filters": [{"feature": "NUMBER_SPOTS", "value": 3.0, "isabove": True}],
        "fill_gaps": True,
        "split_fused": True,
    },
    "motile": {"tracker": "MOTILE", "settings": {"LINKING_MAX_DISTANCE": 1.1}},
}


def make_tracks() -> None:
    image, labels = moving()
    write(image, "image.tif", "TYX")
    write(labels, "labels.tif", "TYX")
    for name, settings in TRACKERS.items():
        Path("settings.json").write_text(json.dumps(settings))
        line = f"track labels.tif --image image.tif --out tracks/{name} --settings settings.json"
        command(f"{line} --engine {'motile' if name == 'motile' else 'embedded'}")
    command("track labels.tif --image image.tif --out tracks/fitted --engine embedded --geff")
    Path("settings.json").unlink()
    tree = ET.parse("tracks/lap/tracks.xml")
    root = tree.getroot()
    moved = root.findall(".//Spot")[4]
    moved.set("POSITION_X", str(float(moved.get("POSITION_X", "")) + 1.5))
    track = root.find(".//AllTracks/Track")
    assert track is not None
    track.remove(track.findall("Edge")[-1])
    tree.write("edited.xml")


def make_suite() -> None:
    image, labels = moving()
    for folder in ("train", "val"):
        write(image, f"{folder}/inputs/v_1-6.tif", "TYX")
        write(labels, f"{folder}/labels/v_1-6.tif", "TYX")
    command("frames split train --out frames")
    config = {
        "cnn_name": "unet_lstm",
        "OUTPUTPATH": "out",
        "TRAINPATH": "train",
        "VALPATH": "val",
        "TESTPATH": "val",
        "model_n_filters": 4,
        "model_pools": 1,
        "model_time_windows": 2,
        "model_lr": 0.01,
        "train_max_epochs": 4,
        "callbacks_save_freq": 1000,
        "datagen_batch_size": 2,
        "datagen_dim_size": [32, 32],
        "newinfer_data": "val/inputs",
        "newinfer_output_folder_name": "predicted",
    }
    Path("CONFIG.json").write_text(json.dumps(config, indent=1))
    command("train CONFIG.json")


def make_installation() -> None:
    home = Path("Fiji.app")
    for file in ("jars/appose-0.9.0.jar", "jars/groovy-4.0.28.jar", "macros/mine.ijm"):
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text("//")
    command("install Fiji.app")
    manifest = home / "scripts" / "Plugins" / "ImageJ-DL" / "installed.json"
    elsewhere = {sys.executable: "/opt/python/bin/python", str(PACKAGE): "/opt/imagej_dl"}
    told = json.loads(replaced(manifest.read_text(), elsewhere))
    for name in told["files"]:
        text = replaced((home / name).read_text(), elsewhere)
        (home / name).write_text(text)
        told["files"][name] = [hashlib.sha256(text.encode()).hexdigest()]
    manifest.write_text(json.dumps(told, indent=1))


def replaced(text: str, words: dict[str, str]) -> str:
    """Return a text with other words: installed scripts name the Python and the package's place."""
    for old, new in words.items():
        text = text.replace(old, new)
    return text


MAKE: dict[str, Callable[[], None]] = {
    "models": make_models,
    "settings": make_settings,
    "training": make_training,
    "project": make_project,
    "correction": make_correction,
    "search": make_search,
    "tuning": make_tuning,
    "tracks": make_tracks,
    "suite": make_suite,
    "installation": make_installation,
}
