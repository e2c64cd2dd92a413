"""The exported network in ONNX Runtime's Java package, as ImageJ's plug-ins run it."""

from __future__ import annotations

import io
import shutil
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from java_session import outputs

sys.path.append(str(Path(__file__).parents[3] / "bench"))

from exported_packages import untrained

from imagej_dl import models
from imagej_dl.models.exporting.about import about
from imagej_dl.models.exporting.package import export

pytestmark = [
    pytest.mark.tf,
    pytest.mark.jvm,
    pytest.mark.skipif(find_spec("tf2onnx") is None, reason="needs tf2onnx"),
]

RUNTIME = "com.microsoft.onnxruntime:onnxruntime:1.20.0"


@pytest.fixture(scope="module")
def jars():
    """ONNX Runtime's jar, of Maven Central; the tests skip where it cannot be had."""
    import jgo

    if shutil.which("java") is None:
        pytest.skip("needs Java, which is not on this machine")
    try:
        found = jgo.build(
            endpoint=RUNTIME, repositories={}, resolver=jgo.maven.PythonResolver(lenient=True)
        )
    except Exception as error:  # of the network, of any of its layers
        pytest.skip(f"needs {RUNTIME} from Maven Central, which cannot be had ({error})")
    return [str(path) for path in found.all_jars]


def test_java_gives_our_probabilities(jars, own_process, tmp_path):
    folder = untrained("border", tmp_path / "model", side=72, depth=1)
    said = about("border model", "", ("A",), "MIT", (), None)
    export(folder, tmp_path / "border.zip", said)
    with zipfile.ZipFile(tmp_path / "border.zip") as archive:
        archive.extract("model.onnx", tmp_path)
        image = np.load(io.BytesIO(archive.read("test_input.npy")))
    bundle = models.load(folder)
    ready = bundle.prepare(image[0, ..., 0])[None]
    both = np.concatenate([ready, ready[:, ::-1]])
    larger = np.pad(both, ((0, 0), (0, 8), (0, 16), (0, 0)), "symmetric")
    given = [ready, larger]
    results = own_process(outputs, jars, str(tmp_path / "model.onnx"), given)
    for image, found in zip(given, results, strict=True):
        wanted = np.asarray(bundle.model(image, training=False))
        np.testing.assert_allclose(found, wanted, atol=1e-4)
