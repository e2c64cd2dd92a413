"""A simulated Z-stack, denoised plane by plane and as a volume, after as many batches.

    python bench/denoise_volumes.py --steps 150 --width 8 --kind n2v2

Ellipsoids, half as high as wide, blurred more along Z; Poisson noise of 20 photons at most, and
normal noise of 2. Patches have as many pixels in each batch: 8 planes of 64 px, or 4 volumes of 8
slices of 32 px. PSNR's peak is the range of the truth. The Gaussian beside them has the width that
is best for the truth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time

import numpy as np
from denoising_scores import psnr
from numpy.typing import NDArray
from scipy import ndimage as ndi

from imagej_dl import images, training
from imagej_dl.prediction import predict_image

_SHAPE = (24, 128, 128)
_PHOTONS, _READ = 20.0, 2.0
_WAYS: dict[str, dict[str, int]] = {
    "planes": {"patch": 64, "batch": 8},
    "volumes": {"patch": 32, "batch": 4, "patch_slices": 8},
}
_WIDTHS = (0.5, 0.7, 1.0, 1.4, 2.0)


def stack(seed: int = 0) -> tuple[NDArray, NDArray]:
    """Return the truth and the noisy stack, (Z, Y, X), in photons."""
    rng = np.random.default_rng(seed)
    z, y, x = np.ogrid[tuple(slice(size) for size in _SHAPE)]
    truth = np.zeros(_SHAPE)
    for _ in range(70):
        cz, cy, cx = rng.uniform(0, _SHAPE)
        radius = rng.uniform(4, 10)
        far = (2 * (z - cz)) ** 2 + (y - cy) ** 2 + (x - cx) ** 2
        truth = np.maximum(truth, (far < radius**2) * rng.uniform(0.3, 1))
    texture = ndi.gaussian_filter(rng.normal(size=_SHAPE), (1, 2, 2))
    truth = truth * (1 + 0.3 * texture / texture.std()).clip(0.2, 2)
    truth = ndi.gaussian_filter(truth, (1.5, 1, 1))
    truth *= _PHOTONS / truth.max()
    return truth, rng.poisson(truth + 1) - 1 + rng.normal(0, _READ, _SHAPE)


def gaussian(noisy: NDArray, truth: NDArray, along_z: bool) -> float:
    """Return the PSNR of the best Gaussian, of each plane or of the volume."""
    pairs = [(z, w) for w in _WIDTHS for z in (_WIDTHS if along_z else (0.0,))]
    return max(psnr(truth, ndi.gaussian_filter(noisy, (z, w, w))) for z, w in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--kind", default="n2v2")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--ways", nargs="+", default=[*_WAYS], choices=[*_WAYS])
    options = parser.parse_args()
    for seed in options.seeds:
        truth, noisy = stack(seed)
        print(f"noisy {psnr(truth, noisy):.2f} dB, Gaussian {gaussian(noisy, truth, False):.2f}")
        print(f"Gaussian along Z, too {gaussian(noisy, truth, True):.2f}", flush=True)
        image = images.make(noisy.astype(np.float32), "ZYX")
        for name in options.ways:
            begin = time.process_time()
            given = {"steps": options.steps // 3, "epochs": 3, "width": options.width}
            with tempfile.TemporaryDirectory() as folder:
                model = training.train(
                    image, f"{folder}/m", kind=options.kind, seed=seed, **given, **_WAYS[name]
                )
                trained = time.process_time() - begin
                found = np.asarray(predict_image(model, image))
            seconds = {"training": round(trained), "all": round(time.process_time() - begin)}
            print(f"{name} {psnr(truth, found):.2f} dB, processor time {json.dumps(seconds)}")


if __name__ == "__main__":
    main()
