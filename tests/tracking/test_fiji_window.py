"""Our files in TrackMate's window on a real Fiji, saved from there by its own button."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import simulated

from imagej_dl import fiji, images, tracking

pytestmark = [
    pytest.mark.fiji,
    pytest.mark.skipif(not fiji.has_display(), reason="needs a screen: install Xvfb"),
]

SETTINGS = tracking.make_settings(
    "SPARSE_LAP_TRACKER",
    {"ALLOW_TRACK_SPLITTING": True, "LINKING_FEATURE_PENALTIES": {"AREA": 0.5}},
    detector={"SIMPLIFY_CONTOURS": False},
    initial_spot_filter=60.0,
    spot_filters=[{"feature": "AREA", "value": 60}],
    track_filters=[{"feature": "NUMBER_SPOTS", "value": 4}],
)


def _saved(folder: str) -> None:
    """Track by both engines, open each file in TrackMate's window, and save it from there."""
    from imagej_dl.fiji import trackmate

    trackmate.start_window()
    labels, image = simulated.movie(12, 25, 9)
    movie = Path(folder, "movie.tif")
    images.write(image, movie)
    for engine in ("trackmate", "embedded"):
        tracks = tracking.track(labels, image, SETTINGS, engine, image_path=movie)  # type: ignore[arg-type]
        tracking.write(tracks, Path(folder, engine))
        file = Path(folder, engine, "tracks.xml")
        _display(file, "spotUniformColor", f"1, 2, 3, {len(engine)}")
        trackmate.open_window(file)
        _press_save(Path(folder, engine, "saved.xml"))


def _display(file: Path, key: str, value: Any) -> None:
    """Change one of the settings of how it is displayed."""
    tree = ET.parse(file)
    element = tree.getroot().find("DisplaySettings")
    assert element is not None
    element.text = json.dumps({**json.loads(element.text or ""), key: value})
    tree.write(file, encoding="UTF-8", xml_declaration=True)


def _press_save(file: Path) -> None:
    """Press the button of TrackMate's window, choose the file, and close all windows."""
    import jpype
    from scyjava import jimport

    window, swing = jimport("java.awt.Window"), jimport("javax.swing.SwingUtilities")
    button, chooser = jimport("javax.swing.JButton"), jimport("javax.swing.JFileChooser")
    icon = jimport("fiji.plugin.trackmate.gui.Icons").SAVE_ICON

    def later(what: Any) -> None:
        swing.invokeLater(jpype.JProxy("java.lang.Runnable", dict={"run": what}))

    def all_of(kind: Any) -> list[Any]:
        found = [w for w in window.getWindows() if w.isVisible()]
        for component in found:
            if hasattr(component, "getComponents"):
                found.extend(component.getComponents())
        return [component for component in found if isinstance(component, kind)]

    def wait_for(kind: Any, fits: Any) -> Any:
        for _ in range(150):
            if found := [c for c in all_of(kind) if fits(c)]:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"there is no {kind}")

    save = wait_for(button, lambda b: b.getIcon() is not None and b.getIcon().equals(icon))
    later(save.doClick)
    asked = wait_for(chooser, lambda c: True)

    def choose() -> None:  # on Swing's own thread, or it stumbles
        asked.setSelectedFile(jimport("java.io.File")(str(file)))
        asked.approveSelection()

    later(choose)
    for _ in range(150):
        if file.exists() and file.read_bytes().rstrip().endswith(b"</TrackMate>"):
            break
        time.sleep(0.1)
    for opened in window.getWindows():
        if "TrackMate" in str(getattr(opened, "getTitle", str)()):
            later(opened.dispose)
    manager = jimport("ij.WindowManager")
    for number in manager.getIDList() or ():
        image = manager.getImage(number)
        image.changes = False
        image.close()


def test_what_the_window_saves_is_read_back(
    own_process: Any, fiji_home: Path, tmp_path: Path
) -> None:
    own_process(_saved, str(tmp_path))
    for engine in ("trackmate", "embedded"):
        ours, back = (
            tracking.read_trackmate(tmp_path / engine / name)
            for name in ("tracks.xml", "saved.xml")
        )
        assert ours.counts["links"] > 100
        assert len(ours.spots) < len((ours.everything or ours).spots)
        pairs = [(ours, back), (ours.everything, back.everything)]
        for one, other in pairs:
            assert one is not None
            assert other is not None
            same = [*one.spots.columns.intersection(other.spots.columns)]
            assert set(one.spots.columns) <= set(other.spots.columns)
            pd.testing.assert_frame_equal(one.spots[same], other.spots[same])
            pd.testing.assert_frame_equal(one.edges, other.edges)
            for a, b in zip(one.contours, other.contours, strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        assert back.settings == ours.settings == SETTINGS
        assert back.shape == ours.shape
        assert back.calibration == ours.calibration
        assert back.image_path == ours.image_path == tmp_path / "movie.tif"
        roots = [ET.parse(tmp_path / engine / n).getroot() for n in ("tracks.xml", "saved.xml")]
        shown = [json.loads(root.findtext("DisplaySettings") or "") for root in roots]
        # The window itself changes how its default style colours tracks.
        same_way = shown[0].pop("trackColorByType"), shown[1].pop("trackColorByType")
        assert same_way in (("TRACKS", "TRACKS"), ("DEFAULT", "TRACKS"))
        fonts = shown[0].pop("font"), shown[1].pop("font")  # TrackMate 7 says more of it
        assert fonts[0].items() <= fonts[1].items()
        assert shown[0] == shown[1]
        assert shown[1]["spotUniformColor"] == f"1, 2, 3, {len(engine)}"
        names = [sorted(str(t.get("name")) for t in root.iter("Track")) for root in roots]
        assert names[0] == names[1]
        # And written once more by us, all that TrackMate put into it is there.
        tracking.write_trackmate(back, tmp_path / engine / "again.xml")
        again = ET.parse(tmp_path / engine / "again.xml").getroot()
        tags = [{(e.tag, *sorted(e.attrib)) for e in root.iter()} for root in (roots[1], again)]
        assert {tag[0] for tag in tags[0]} <= {tag[0] for tag in tags[1]}
        assert (again.findtext("Log") or "").split() == (roots[1].findtext("Log") or "").split()


def _saved_with_margins(folder: str) -> None:
    from imagej_dl.fiji import trackmate

    trackmate.start_window()
    labels, image = simulated.movie(10, 20, 9)
    movie = Path(folder, "movie.tif")
    images.write(image, movie)
    tracking.write(tracking.track(labels, image, image_path=movie), Path(folder, "auto"))
    trackmate.open_window(Path(folder, "auto", "tracks.xml"))
    _press_save(Path(folder, "auto", "saved.xml"))


def test_the_window_shows_and_keeps_margins(
    own_process: Any, fiji_home: Path, tmp_path: Path
) -> None:
    own_process(_saved_with_margins, str(tmp_path))
    ours, back = (
        tracking.read_trackmate(tmp_path / "auto" / name) for name in ("tracks.xml", "saved.xml")
    )
    assert ours.counts["links"] > 100
    pd.testing.assert_frame_equal(ours.edges, back.edges)
    pd.testing.assert_series_equal(ours.spots["margin"], back.spots["margin"])
    root = ET.parse(tmp_path / "auto" / "saved.xml").getroot()
    assert len(root.findall(".//Feature[@feature='TRACK_MARGIN']")) == 1
    shown = json.loads(root.findtext("DisplaySettings") or "")
    assert (shown["spotColorByType"], shown["spotColorByFeature"]) == ("SPOTS", "MARGIN")
    assert (shown["trackColorByType"], shown["trackColorByFeature"]) == ("EDGES", "LINK_MARGIN")
    assert [shown[key] for key in ("spotMin", "spotMax", "trackMin", "trackMax")] == [0, 1, 0, 1]
