"""Engines: segmentation programs of others, behind the same commands as our own models.

An engine works in a Python of its own (see :mod:`imagej_dl.foreign`), so that PyTorch never meets
our TensorFlow. Commands, dialogs, `doctor` and the documentation read
:mod:`imagej_dl.engines.registry`; no module outside this package names an engine.

The exchange
------------
The engine's Python runs `runners/run_NAME.py serve`, once for all images. Requests come as lines of
JSON on its standard input, answers go as lines of JSON to its standard output; arrays are .npy
files without pickle in a folder that the request names. `runners/serve.py` has the details, and
does all of it for a runner. A runner has these tasks, `segment` at least:

- `segment(arrays, values, tell)`: `arrays["image"]` is a plane (Y, X) or (Y, X, C), for engines
  that take `volumes` with a first axis Z (of an image without slices none, if they take `planes`,
  too), with the intensities of its file, `values` has `model` (a path or name) and `settings` (a
  dictionary, as the settings model has it). It returns `{"labels": (Y, X) integers}`, 0 being
  background; `{"points": (N, 2) x, y in px}`, the centre of the first pixel being (0, 0); or
  `{"image": (Y, X)}`.
- `load(arrays, values, tell)`: opens the model of `values`, so that what is wrong with it is told
  before the first image, and returns `{}`.
- `train(arrays, values, tell)`: `arrays` has `image_0`, `labels_0`, … and `validation_image_0`,
  `validation_labels_0`, …, `values` their numbers `count` and `validation_count`, `settings`,
  `start` (a model to go on from, or "") and `out`, a folder that is empty. It writes the model into
  that, and returns `({}, {"model": NAME})`: the file of the model in the folder, or "" for the
  folder itself. Labels are int32; −1 is unknown, for engines that can leave it out (`ignores`);
  engines that learn from images alone (`learns_from`) get none. `serve.examples` returns the images
  and label maps as lists.

`tell` has `progress(stage, done, total)`, `note(text)` and `warning(text)`. `serve.Refused` is
raised for what the user can set right; any other exception becomes one line, too.

Add an engine
-------------
1. A module `imagej_dl/engines/NAME.py`: a settings model, and a subclass of
   :class:`~imagej_dl.engines.base.Engine`. :mod:`~imagej_dl.engines.omnipose` is a short one.
2. A runner `imagej_dl/engines/runners/run_NAME.py`, which imports `serve` beside it, NumPy and the
   library, nothing of imagej-dl. A library that would unpickle files is called within
   `checkpoints.safely()`. Called without arguments it prints the library's version.
3. A test `tests/engines/test_NAME.py`; skipped where the library is not installed.
4. A row and a paragraph in `docs/engines.md`.
5. `python -m imagej_dl.commands.reference docs/macros.md`, as `--engine` has one choice more.
"""

from __future__ import annotations

from imagej_dl.engines.base import Engine, EngineSettings

__all__ = ["Engine", "EngineSettings"]
