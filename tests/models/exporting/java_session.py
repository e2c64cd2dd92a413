"""ONNX files in ONNX Runtime's Java package. A module of its own, so that a process begins fast."""

from __future__ import annotations

import numpy as np


def outputs(jars, model, images):
    """Return the outputs of an ONNX file for images (N, Y, X, C), computed in Java."""
    import jpype

    jpype.startJVM(classpath=jars)
    runtime = jpype.JPackage("ai").onnxruntime
    environment = runtime.OrtEnvironment.getEnvironment()
    session = environment.createSession(model)
    floats, longs = jpype.JArray(jpype.JFloat), jpype.JArray(jpype.JLong)
    found = []
    for image in images:
        values = jpype.java.nio.FloatBuffer.wrap(floats(image.ravel()))
        tensor = runtime.OnnxTensor.createTensor(environment, values, longs(list(image.shape)))
        given = jpype.java.util.Collections.singletonMap("image", tensor)
        result = session.run(given).get(0)
        sides = [int(side) for side in result.getInfo().getShape()]
        flat = floats(int(np.prod(sides)))
        result.getFloatBuffer().get(flat)
        found.append(np.array(flat[:], np.float32).reshape(sides))
    return found
