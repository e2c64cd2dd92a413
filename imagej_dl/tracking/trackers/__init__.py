"""Trackers: each links spots from frame to frame, in this process or in a program of its own.

Commands, dialogs, settings files, TrackMate files, `doctor`, tuning and the documentation read
:mod:`imagej_dl.tracking.trackers.registry`. No module outside this package names a tracker.

Add a tracker
-------------
1. A module `imagej_dl/tracking/trackers/NAME.py`:

   - a subclass of :class:`~imagej_dl.tracking.trackers.base.SettingsMap` with its settings. Each
     is a field with a default, limits and a description. `Annotated[float, Setting(...)]` adds
     its unit, the bounds that `tune-tracking` searches, the setting that switches it on, and, for
     a maximal distance, that it follows the measured distance where no settings are named;
   - a subclass of :class:`~imagej_dl.tracking.trackers.base.Tracker` with `key` (TrackMate's own,
     if TrackMate has the tracker), `label`, `settings_model`, `engines` if TrackMate has it, too,
     `needs`, and `link`, which makes :class:`~imagej_dl.tracking.links.Links` of
     :class:`~imagej_dl.tracking.trackers.base.Detected`;
   - `TRACKERS = (MyTracker(),)`. The registry looks for this name in every module.

   :mod:`~imagej_dl.tracking.trackers.nearest_neighbor` is the shortest example.
2. A test `tests/tracking/trackers/test_NAME.py`. The links in the movies of
   `tests/tracking/lineages.py` are known by construction.
3. Documentation: a row in the table "Which tracker" of `docs/tracking.md`. Update its other tables
   with `python -m imagej_dl.tracking.trackers.documentation docs/tracking.md`.

`track --settings`, `tune-tracking --tracker`, `tracks.xml` and `settings.json` then know it.

Add a foreign engine
--------------------
A foreign engine is a library that cannot be imported here, because of its dependencies or its
licence. It runs in a Python of its own, named by the variable `IMAGEJ_DL_NAME_PYTHON`.

1. A module as above, whose tracker is a subclass of
   :class:`~imagej_dl.tracking.trackers.foreign.ForeignTracker` with `engine` (the name of the
   library's Python package), `install` (a sentence for `doctor` and errors), `homepage` and, if
   there is one, `extra`. Its `link` passes arrays to `self.run` and makes links of the arrays
   that come back. :mod:`~imagej_dl.tracking.trackers.btrack` is an example.
2. A runner `imagej_dl/tracking/trackers/runners/run_NAME.py`, which imports the library and NumPy,
   nothing of imagej-dl. Called without arguments it prints the library's version. Called with two
   paths it reads arrays and `settings` (JSON) from the first, an .npz file, and writes the second.
   It calls `end_with_parent` from `orphan.py` beside it.
3. A test, as above, with a stand-in for the library: `test_engines.py` beside it has one.
4. Documentation, as above, and a paragraph under "Other engines".
5. `pyproject.toml`: the extra, also in the extra `all`, if the library can be installed beside
   imagej-dl.

`track --engine NAME`, its dialog in ImageJ and `doctor` then know it.
"""

from __future__ import annotations

from imagej_dl.tracking.trackers.base import Detected, Setting, SettingsMap, Tracker
from imagej_dl.tracking.trackers.foreign import ForeignTracker

__all__ = ["Detected", "ForeignTracker", "Setting", "SettingsMap", "Tracker"]
