"""Run by ilastik's own Python (bin/python in its folder); see serve.py for how it is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import components
import numpy as np
from ilastik import __version__
from serve import Arrays, Refused, Teller, Values, main


def segment(arrays: Arrays, values: Values, tell: Teller) -> Arrays | tuple[Arrays, Values]:
    settings, image = values["settings"], arrays["image"]
    with tempfile.TemporaryDirectory() as folder:
        raw, out = (os.path.join(folder, name) for name in ("raw.npy", "out.npy"))
        np.save(raw, image if image.ndim == 3 else image[..., None])
        command = [sys.executable, "-m", "ilastik", "--headless", "--readonly"]
        command += ["--project", values["model"], "--raw_data", raw, "--input_axes", "yxc"]
        command += ["--export_source", settings["export_source"], "--output_format", "numpy"]
        command += ["--output_axis_order", "yxc", "--output_filename_format", out]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode or not os.path.isfile(out):
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise Refused(f"the project could not be run: {(lines or ['no message'])[-1][:300]}")
        found = np.load(out, allow_pickle=False)[..., 0]
    if settings["export_source"] == "Simple Segmentation":
        found = components.objects(found, [settings["label"]], settings["min_size"])
    return {"labels": found.astype(np.int64)}


if __name__ == "__main__":
    main(lambda: __version__, segment=segment)
