"""The runner of the fake engines; what comes out goes by the model's name."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "imagej_dl" / "engines" / "runners"))
from serve import Refused, main


def version():
    return os.environ.get("FAKE_VERSION", "2.0")


def misbehave(how, tell):
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "ends":
        print("RuntimeError: it is over", file=sys.stderr)
        os._exit(3)
    elif how == "memory":
        raise MemoryError("Unable to allocate 3 TiB")
    elif how == "network":
        raise OSError("<urlopen error [Errno -3] Temporary failure in name resolution>")
    elif how == "refuses":
        raise Refused("the weights are absent", "Download them.")
    elif how == "fails":
        raise ValueError("two\nlines")
    elif how.startswith("waits "):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        Path(how.removeprefix("waits ")).write_text(f"{os.getpid()} {child.pid}")
        tell.progress("waiting", 1, 2)
        time.sleep(60)
    elif how == "prints":
        print("libraries print what they like")
    elif how == "garbage":
        tell._stream.write("no JSON\n")
        tell._stream.flush()


def segment(arrays, values, tell):
    settings, image = values["settings"], arrays["image"]
    misbehave(settings["misbehave"], tell)
    if settings["misbehave"] == "wrong size":
        return {"labels": np.zeros((1, 1), int)}
    if settings["misbehave"] == "no labels":
        return {}
    if settings["misbehave"] == "warns":
        tell.warning("one thing is odd")
    if values["model"].endswith("volume"):
        return {"labels": np.where(image > settings["threshold"], image, 0).astype(np.int64)}
    flat = image if image.ndim == 2 else image.max(axis=2)
    rows, columns = np.nonzero(flat > settings["threshold"])
    if values["model"].endswith("points"):
        return {"points": np.stack([columns + 0.25, rows - 0.25], 1)}
    if values["model"].endswith("image"):
        return {"image": flat.astype(np.float32) / 2}
    # Each object has the intensity of its pixels for an id, with gaps between the ids.
    return {"labels": np.where(flat > settings["threshold"], flat, 0).astype(np.int64)}


def train(arrays, values, tell):
    settings = values["settings"]
    misbehave(settings["misbehave"], tell)
    for epoch in range(settings["epochs"]):
        tell.progress("train", epoch + 1, settings["epochs"])
    if settings["misbehave"] != "writes nothing":
        held = [arrays[f"validation_labels_{i}"].max() for i in range(values["validation_count"])]
        lines = [arrays["image_0"].dtype.name, str(values["count"]), str(min(held))]
        Path(values["out"], "weights").write_text(" ".join([*lines, values["start"]]))
    return {}, {"model": "weights", "loss": 0.5}


def load(arrays, values, tell):
    how = values["settings"]["misbehave"]
    if how.startswith("model "):
        misbehave(how.removeprefix("model "), tell)
    return {}


main(version, load=load, segment=segment, train=train)
