"""The simulated truth is consistent, and the same seed gives the same movie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imagej_dl import ctc, images, project, rois, simulation
from imagej_dl.simulation import colony


def test_same_seed_same_movie() -> None:
    first, again, other = (simulation.movie(5, (96, 112), 8, seed=s) for s in (3, 3, 4))
    assert first.image.identical(again.image)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.slow
def test_lineage_tells_what_the_labels_show() -> None:
    made = simulation.movie(30, seed=2)
    labels = made.labels.values
    assert made.image.dims == ("T", "Y", "X")
    assert made.image.attrs["pixel_width"] == 0.65
    assert made.image.attrs["frame_interval"] == 300
    assert sorted(made.lineage[:, 0]) == list(range(1, labels.max() + 1))
    last = {row[0]: row[2] for row in made.lineage}
    for number, begin, end, parent in made.lineage:
        frames = np.flatnonzero((labels == number).any(axis=(1, 2)))
        assert frames.tolist() == list(range(begin, end + 1))
        if parent:
            assert last[parent] == begin - 1
    mothers = made.lineage[:, 3]
    assert len(set(mothers[mothers > 0])) >= 2
    assert all((mothers == m).sum() <= 2 for m in set(mothers) - {0})


def test_nuclei_are_brighter_than_the_background_and_some_touch() -> None:
    made = simulation.movie(3, seed=1)
    frame, labels = made.image.values[2].astype(float), made.labels.values[2]
    assert frame[labels > 0].mean() > 2 * np.median(frame[labels == 0])
    right, left = labels[:, 1:], labels[:, :-1]
    assert ((right != left) & (right > 0) & (left > 0)).any()


def test_stills_are_numbered_from_one() -> None:
    for image, labels in simulation.stills(3, (80, 90), seed=5):
        ids = np.unique(labels)
        assert ids.tolist() == list(range(len(ids)))
        assert image.shape == labels.shape == (80, 90)


@pytest.mark.slow
def test_written_project_reads_back(tmp_path: Path) -> None:
    made = simulation.write(tmp_path, stills=2, frames=3, seed=1)
    drawn = project.drawn(made.project)
    assert len(drawn) == 2
    (_, labels), _ = simulation.stills(2, seed=1)
    read = rois.label_map(rois.read(drawn[0].rois), images.read(drawn[0].image))[0]
    assert np.array_equal(read, labels)
    truth = ctc.read_truth(made.truth)
    assert np.array_equal(
        truth.tracks.masks, simulation.movie(3, seed=1, motion=simulation.LIVELY).labels
    )


def test_lively_nuclei_jump_and_their_daughters_are_far_apart() -> None:
    """Farther than steady ones; the default stays as it is, whatever the others do."""
    assert np.array_equal(
        simulation.movie(6, (96, 96), 6, seed=2).labels,
        simulation.movie(6, (96, 96), 6, seed=2, motion=simulation.STEADY).labels,
    )
    motion = simulation.Motion(apart=(1.8, 1.8), jumps=0.2, jump=(2.0, 2.0))
    steps = {}
    for name, chosen in (("steady", simulation.STEADY), ("lively", motion)):
        nuclei = [colony.make(np.random.default_rng(0), np.array([60.0, 60.0]))]
        nuclei[0].divides_at = 1000
        rng, steps[name] = np.random.default_rng(1), []
        for _ in range(60):
            before = nuclei[0].place
            nuclei = colony.step(nuclei[:1], nuclei[:1], (120, 120), rng, chosen) or nuclei
            steps[name].append(np.linalg.norm(nuclei[0].place - before) / nuclei[0].radius)
    assert max(steps["steady"]) < 1 < max(steps["lively"])
    mother = colony.make(np.random.default_rng(0), np.array([60.0, 60.0]))
    mother.age, mother.divides_at, history = 99, 1, [mother]
    daughters = colony.step([mother], history, (120, 120), np.random.default_rng(1), motion)[:2]
    apart = [np.linalg.norm(one.place - mother.place) / mother.radius for one in daughters]
    assert min(apart) > 1.5


def test_the_radii_of_the_nuclei_are_those_asked_for() -> None:
    areas = []
    for radii in ((7.0, 11.5), (14.0, 16.0)):
        found = simulation.movie(1, (160, 160), 8, seed=4, radii=radii).labels.values
        areas.append(np.median(np.bincount(found[found > 0])[1:]))
    assert areas[1] > 1.5 * areas[0]
