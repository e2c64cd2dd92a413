"""Valid files of every format, small, made anew into a folder; the same ones each time."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import tifffile

from imagej_dl import images, rois


def make(folder: Path) -> None:
    """Write all seeds into a folder; those that need a library that is not here are left out."""
    rng = np.random.default_rng(0)
    for part in (_tiffs, _pictures, _microscopes, _rois, _texts, _tracks, _model):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            part(folder, rng)


def labels(rng: np.random.Generator, frames: int = 0) -> np.ndarray:
    """Return a label map of three squares, which move where there are frames."""
    out = np.zeros((max(frames, 1), 24, 24), np.uint16)
    for t in range(len(out)):
        for number, (y, x) in enumerate(((2, 2), (3, 12), (14, 6)), 1):
            out[t, y + t : y + t + 6, x : x + 6] = number
    return out if frames else out[0]


def _tiffs(folder: Path, rng: np.random.Generator) -> None:
    grey = rng.integers(0, 4000, (2, 3, 2, 12, 10), dtype=np.uint16)
    said = {"pixel_width": 0.5, "pixel_height": 0.5, "unit": "µm", "frame_interval": 2.0}
    images.write(images.make(grey, "TZCYX", **said), folder / "imagej.tif")
    for name, more in (
        ("lzw", {"compression": "lzw", "predictor": True}),
        ("zlib_tiles", {"compression": "zlib", "tile": (16, 16)}),
        ("big", {"byteorder": ">", "bigtiff": True}),
        ("pages", {"photometric": "minisblack"}),
    ):
        tifffile.imwrite(folder / f"{name}.tif", np.tile(grey[0, :, 0], (1, 2, 2)), **more)
    rgb = rng.integers(0, 255, (12, 10, 3), dtype=np.uint8)
    tifffile.imwrite(folder / "rgb.tif", rgb, photometric="rgb")
    metadata = {"axes": "TCYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}
    metadata |= {"TimeIncrement": 1.5, "TimeIncrementUnit": "s", "Channel": {"Name": ["a", "b"]}}
    tifffile.imwrite(folder / "a.ome.tif", grey[:, 0], metadata=metadata)
    tifffile.imwrite(folder / "labels.tif", labels(rng))


def _pictures(folder: Path, rng: np.random.Generator) -> None:
    from PIL import Image

    grey = Image.fromarray(rng.integers(0, 255, (12, 10), dtype=np.uint8))
    grey.save(folder / "grey.png")
    grey.save(folder / "grey.jpg")
    grey.convert("P").save(folder / "palette.png")
    Image.fromarray(rng.integers(0, 255, (9, 8, 4), dtype=np.uint8), "RGBA").save(folder / "c.png")


def _microscopes(folder: Path, rng: np.random.Generator) -> None:
    (folder / "m.stk").write_bytes(_stk(rng.integers(0, 4000, (3, 6, 8), dtype=np.uint16)))
    try:
        from pylibCZIrw import czi
    except ImportError:
        return
    with czi.create_czi(str(folder / "a.czi")) as file:
        for t in range(2):
            file.write(rng.integers(0, 255, (8, 8, 1), dtype=np.uint8), plane={"T": t, "C": 0})
        file.write_metadata("a", channel_names={0: "dapi"}, scale_x=1e-6, scale_y=1e-6)


def _stk(planes: np.ndarray) -> bytes:
    """Return a MetaMorph stack: one page of TIFF, the other planes behind it."""
    count, height, width = planes.shape
    pixels = planes.astype("<u2").tobytes()
    start = 8 + len(pixels)
    uic2 = b"".join(
        struct.pack("<6I", 2000, 1000, 2459000, 1000 + i, 2459000, 0) for i in range(count)
    )
    extra = start + len(uic2)
    uic1 = b"".join(
        struct.pack("<2I", *e) for e in [(3, 1), (4, extra + 7), (5, extra + 7), (6, extra)]
    )
    text = struct.pack("<I", 3) + b"um\0" + struct.pack("<2I", 500_000, 10**6)
    ifd = extra + len(text) + len(uic1)
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1),
            (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height),
            (279, 4, 1, width * height * 2),
            (33628, 4, 4, extra + len(text)), (33629, 5, count, start)]  # fmt: skip
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags)
    header = struct.pack("<2sHI", b"II", 42, ifd)
    return header + pixels + uic2 + text + uic1 + table + bytes(4)


def _rois(folder: Path, rng: np.random.Generator) -> None:
    square = np.array([(2, 2), (9, 2), (9, 9), (2, 9)])
    path = np.array([0, 1, 1, 1, 8, 1, 1, 8, 8, 4, 0, 2, 2, 1, 5, 2, 1, 5, 5, 4], np.float32)
    some = [
        rois.Roi("rectangle", "r", box=(1, 1, 6, 5), t=1),
        rois.Roi("oval", "o", box=(3, 3, 8, 6), properties="label: 4\n"),
        rois.Roi("polygon", "p", points=square.astype(np.int32)),
        rois.Roi("freehand", "f", points=(square + 0.25).astype(np.float32), subpixel=True),
        rois.Roi("traced", "t", points=square.astype(np.int32), position=1),
        rois.Roi("polyline", "pl", points=square.astype(np.int32), stroke_width=2),
        rois.Roi("line", "l", params=(1.0, 1.0, 8.0, 5.0)),
        rois.Roi("point", "pt", points=square.astype(np.float32), subpixel=True),
        rois.Roi("composite", "c", path=path),
    ]
    kept = []
    for roi in some:
        try:
            rois.write([roi], folder / f"{roi.kind}.roi")
            kept.append(roi)
        except Exception:  # a kind that needs more than is said here
            (folder / f"{roi.kind}.roi").unlink(missing_ok=True)
    rois.write(kept, folder / "RoiSet.zip")
    with zipfile.ZipFile(folder / "stored.zip", "w") as archive:
        for roi in kept:
            archive.writestr(f"{roi.name}.roi", rois.encode(roi))
    labels_of = images.make(labels(rng))
    _, report = rois.label_map(rois.trace(labels_of), labels_of)
    report.write(folder / "names.csv")


def _texts(folder: Path, rng: np.random.Generator) -> None:
    def write(name: str, content: object) -> None:
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")

    write("suite.json", {
        "cnn_name": "mobilenet_mobileunet_lstm", "OUTPUTPATH": "out", "TRAINPATH": "train",
        "TESTPATH": "test", "newinfer_data": "new",
        "PATH2VIDEOS": "train/videos2im_relation.csv", "model_n_filters": 32, "model_pools": 3,
        "model_kernel_size": [3, 3], "model_time_windows": 5, "model_lr": 0.001,
        "model_metrics": ["accuracy"], "model_category_weights": [1, 10], "train_max_epochs": 10,
        "datagen_dim_size": [256, 256], "datagen_batch_size": 5, "normalization": "PERCENTILE",
        "newinfer_padding": [95, 95], "model_seed_initializer": None,
    })  # fmt: skip
    lap = {"LINKING_MAX_DISTANCE": 15.0, "ALLOW_GAP_CLOSING": True, "MAX_FRAME_GAP": 2,
           "LINKING_FEATURE_PENALTIES": {"AREA": 1.0}}  # fmt: skip
    write("tracker.json", {
        "tracker": "SPARSE_LAP_TRACKER", "settings": lap, "initial_spot_filter": 1.0,
        "detector": {"DETECTOR_NAME": "LABEL_IMAGE_DETECTOR", "SIMPLIFY_CONTOURS": True},
        "spot_filters": [{"feature": "AREA", "value": 5, "isabove": True}], "fill_gaps": True,
    })  # fmt: skip
    write("btrack.json", {"tracker": "BTRACK", "settings": {}})
    write("space.json", {"learning_rate": [0.001, 0.0001], "batch": [4, 8], "depth": [2]})
    write("tuning.json", {"LINKING_MAX_DISTANCE": [5, 30], "MAX_FRAME_GAP": [1, 2, 3]})
    write("settings.json", {"device": "cpu", "engine": "auto", "tile": 512, "idle": 60})
    score = {"model": "a" * 16, "image": [1, 2], "uncertainty": 0.5}
    write("state.json", {
        "version": 1, "begun": "model", "present": "model", "round": 2, "scores": {"a": score},
        "proposed": {"a": {**score, "round": 1, "by": "model", "objects": 3, "rois": "ab"}},
        "empty": ["b"], "training": {"round": 1, "images": {"a": "x"}}, "trained": {"a": "x"},
    })  # fmt: skip
    for name, values in (
        (
            "train",
            {"project": "p", "out": "m", "epochs": 5, "patch": 64, "settings": {"loss": "x"}},
        ),
        ("predict", {"model": "m", "images": ["a.tif"], "out": "o", "tile": 256}),
        ("labels", {"source": "p", "overlap": "first", "overwrite": True}),
        ("track", {"labels": "l.tif", "out": "o", "fill_gaps": True}),
        ("evaluate", {"pred": "a", "truth": "b"}),
        ("prepare", {"project": "p", "slices": "max"}),
    ):
        write(f"from_{name}.json", values)
    frames = "".join(f"a_1-3;raw_{i:03}.tif\n" for i in (1, 2, 3))
    (folder / "videos.csv").write_text(f"Video; Frame\n{frames}", encoding="utf-8")


def _tracks(folder: Path, rng: np.random.Generator) -> None:
    from imagej_dl import tracking

    movie = images.make(labels(rng, 3), "TYX", pixel_width=0.5, pixel_height=0.5, unit="µm")
    tracks = tracking.track(movie)
    tracking.write(tracks, folder / "result")
    (folder / "tracks.xml").write_bytes((folder / "result" / "tracks.xml").read_bytes())
    ctc = next((folder / "result" / "CTC").iterdir())
    (folder / "res_track.txt").write_bytes((ctc / "res_track.txt").read_bytes())
    (folder / "man_track.txt").write_text("1 0 2 0\n2 0 1 0\n3 2 2 2\n")


def _model(folder: Path, rng: np.random.Generator) -> None:
    config = {
        "format_version": 1, "kind": "border", "classes": ["background", "object", "border"],
        "architecture": {"name": "unet", "arguments": {"depth": 2}}, "axes": "YX", "channels": 1,
        "normalisation": {"method": "percentile"}, "patch": 64, "halo": 12, "multiple_of": 4,
        "imagej_dl_version": "0", "keras_version": "3", "tensorflow_version": "2",
        "instances": {"minimum_area": 5}, "pixel_width": 0.5, "unit": "µm",
    }  # fmt: skip
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps(config))
    conv = {"module": "keras.layers", "class_name": "Conv2D", "registered_name": None,
            "config": {"name": "c", "filters": 2, "kernel_size": [3, 3], "activation": "relu",
                       "dtype": {"module": "keras", "class_name": "DTypePolicy",
                                 "config": {"name": "float32"}}}}  # fmt: skip
    network = {"module": "keras.src.models.functional", "class_name": "Functional",
               "config": {"name": "n", "layers": [conv, conv]}}  # fmt: skip
    weights = io.BytesIO()
    _h5(weights, legacy=False)
    with zipfile.ZipFile(folder / "model.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3"}))
        archive.writestr("config.json", json.dumps(network))
        archive.writestr("model.weights.h5", weights.getvalue())
    with (folder / "suite.hdf5").open("wb") as file:
        _h5(file, legacy=True)
    state = {"settings": {"epochs": 5}, "split": {"train": ["a"]}, "fingerprint": "f", "epoch": 3,
             "rows": [{"epoch": 1, "loss": 0.5}], "best_loss": 0.5}  # fmt: skip
    (folder / "training").mkdir()
    np.savez(
        folder / "training" / "last.npz",
        w0=np.ones((3, 3), np.float32),
        o0=np.ones(3),
        state=np.frombuffer(json.dumps(state).encode(), np.uint8),
    )


def _h5(file: object, legacy: bool) -> None:
    import h5py

    with h5py.File(file, "w") as out:
        if legacy:
            out.attrs["layer_names"] = [b"separable_conv2d", b"slog"]
        for layer in ("separable_conv2d", "slog"):
            group = out.create_group(f"{layer}/{layer}")
            group.create_dataset("kernel:0", data=np.ones((1, 1, 4, 3), np.float32))
            group.create_dataset("bias:0", data=np.ones(3), chunks=(3,), compression="gzip")
