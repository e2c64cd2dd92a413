"""Small images, movies, ROIs and a Fluffy model, of which the artefacts of a version are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import roifile

from imagej_dl import images, rois


def discs(seed: int, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Make a noisy image of bright discs, and its label map."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.uint8)
    y, x = np.indices(labels.shape)
    for label in range(1, 6):
        cy, cx = rng.uniform(4, side - 4, 2)
        labels[(y - cy) ** 2 + (x - cx) ** 2 < 30] = label
    image = rng.normal(20, 3, labels.shape) + 60 * (labels > 0)
    return np.clip(image, 0, 255).astype(np.uint8), labels


def moving(frames: int = 6, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Make a movie of six discs: one divides, one is not seen in a frame, two become one."""
    rng = np.random.default_rng(1)
    labels = np.zeros((frames, side, side), np.uint8)
    y, x = np.indices(labels.shape[1:])
    for t in range(frames):
        after = max(0, t - 2)
        places = {1: (8 + t, 8), 2: (24, 8 + 2 * t), 4: (40, 8 + after), 5: (40, 30 - 2 * t)}
        if t != 3:
            places[3] = (8, 26 + t)
        if t > 2:
            places[6] = (40 - 5, 8 - after)
        if t < 4:
            places[7] = (38 - t, 40)
        for label, place in places.items():
            cy, cx = np.array(place) + rng.integers(-1, 2, 2)
            labels[t][(y - cy) ** 2 + (x - cx) ** 2 < 10] = label
    image = rng.normal(20, 3, labels.shape) + 60 * (labels > 0)
    return np.clip(image, 0, 255).astype(np.uint8), labels


def write(array: np.ndarray, path: str, dims: str = "YX", scale: float = 0.5) -> None:
    """Write an image that is calibrated in µm."""
    more = {"frame_interval": 60.0} if "T" in dims else {}
    image = images.make(array, dims, pixel_width=scale, pixel_height=scale, unit="µm", **more)
    images.write(image, Path(path))


def write_rois(labels: np.ndarray, path: str) -> None:
    rois.write(rois.trace(images.make(labels)), Path(path), overwrite=True)


def box(kind: roifile.ROI_TYPE, name: str, *sides: int) -> roifile.ImagejRoi:
    roi = roifile.ImagejRoi()
    roi.roitype, roi.name = kind, name
    roi.left, roi.top, roi.right, roi.bottom = sides
    return roi


def line(name: str, *ends: float) -> roifile.ImagejRoi:
    roi = roifile.ImagejRoi()
    roi.roitype, roi.name, roi.stroke_width = roifile.ROI_TYPE.LINE, name, 3
    roi.x1, roi.y1, roi.x2, roi.y2 = ends
    return roi


def write_fluffy(path: Path) -> None:
    """Write a model as Fluffy does: its network, in Keras' older format."""
    import keras
    from keras import layers

    x = inputs = keras.Input((None, None, 1))

    def block(x: object, width: int) -> object:
        for _ in range(2):
            x = layers.Conv2D(width, 3, activation="relu", padding="same")(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.Dropout(0.1)(x)

    skip = block(x, 4)
    x = layers.UpSampling2D()(block(layers.MaxPool2D()(skip), 4))
    x = layers.Concatenate(axis=3)([x, skip])
    for _ in range(2):
        x = layers.Conv2D(4, 3, activation="relu", padding="same")(x)
    model = keras.Model(inputs, layers.Conv2D(3, 1, activation="softmax")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0.1, 0.2, w.shape) ** 2 for w in model.get_weights()])
    model.save(path)
