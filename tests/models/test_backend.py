"""What is said and set for GPUs; TensorFlow is told of some that are not there."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from imagej_dl import preferences
from imagej_dl.fiji.diagnosis import _gpus
from imagej_dl.models import backend

pytestmark = pytest.mark.tf


@pytest.fixture
def three(monkeypatch, tmp_path):
    """Three GPUs, and what is set for them."""
    monkeypatch.setenv("IMAGEJ_DL_HOME", str(tmp_path))
    config = backend.tensorflow().config
    gpus = [SimpleNamespace(name=f"/physical_device:GPU:{i}") for i in range(3)]
    seen = {"visible": gpus, "growing": []}
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(config, "set_visible_devices", lambda used, kind: seen.update(visible=used))
    monkeypatch.setattr(config, "get_visible_devices", lambda kind: seen["visible"])
    monkeypatch.setattr(
        config.experimental, "set_memory_growth", lambda gpu, on: seen["growing"].append((gpu, on))
    )
    monkeypatch.setattr(
        config.experimental,
        "get_device_details",
        lambda gpu: {"device_name": "NVIDIA A100", "compute_capability": (8, 0)},
    )
    monkeypatch.setattr(backend, "_memories", lambda: {"NVIDIA A100": 40.0})
    return gpus, seen


@pytest.mark.parametrize(("device", "used"), [("auto", 1), ("all", 3)])
def test_gpu_memory_is_taken_as_needed_of_those_that_are_used(three, device, used):
    gpus, seen = three
    preferences.change(device=device)
    backend.keras.__wrapped__()
    assert seen["growing"] == [(gpu, True) for gpu in gpus[:used]]
    assert seen["visible"] == gpus[:used]
    count = "3 × " if used == 3 else ""
    assert backend.device() == f"{count}GPU NVIDIA A100, 40 GiB"
    assert "precision mixed_float16 or mixed_bfloat16" in _gpus(backend.gpus())


def test_only_tensor_cores_make_half_precision_quicker():
    halves = [backend.GPU("", 0, c).halves for c in ((6, 1), (7, 5), (9, 0))]
    assert halves == ["", "mixed_float16", "mixed_float16 or mixed_bfloat16"]
    assert "train in float32" in _gpus([backend.GPU("Old", 8, (6, 1))])


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs Linux' /proc")
def test_two_threads_at_once_leave_stderr_to_the_process():
    before = os.readlink("/proc/self/fd/2")
    held, let_go = threading.Event(), threading.Event()

    def first():
        with backend._quiet():
            held.set()
            let_go.wait(10)

    def second():
        with backend._quiet():
            one.join(1)  # its turn ends first

    one, other = threading.Thread(target=first), threading.Thread(target=second)
    one.start()
    held.wait(10)
    other.start()
    time.sleep(0.2)
    let_go.set()
    other.join(10)
    assert os.readlink("/proc/self/fd/2") == before


def test_memory_is_asked_of_nvidia(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: name)
    said = SimpleNamespace(stdout="NVIDIA A100-SXM4-40GB, 40960\n")
    monkeypatch.setattr("subprocess.run", lambda *a, **k: said)
    assert backend._memories.__wrapped__() == {"NVIDIA A100-SXM4-40GB": 40.0}


@pytest.mark.thorough(except_for=["None-1"])
@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_onednn_is_asked_for_unless_the_user_says_otherwise(before, after):
    code = (
        "import os; from imagej_dl.models import backend; backend.keras(); "
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    )
    others = {n: v for n, v in os.environ.items() if n != "TF_ENABLE_ONEDNN_OPTS"}
    given = others | ({} if before is None else {"TF_ENABLE_ONEDNN_OPTS": before})
    run = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True)
    assert run.stdout.strip() == after


@pytest.mark.thorough
def test_in_a_process_of_ours_keras_comes_without_what_it_only_looks_for():
    code = """
import sys
from imagej_dl import optional
from imagej_dl.models import backend
optional.process_is_ours = True
keras = backend.keras()
assert "sklearn" not in sys.modules
import sklearn
assert keras.ops.sum(keras.ops.ones(3)) == 3
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)


def _onednn() -> bool:
    backend.keras()
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def test_a_test_process_that_forks_computes_with_onednn_too(own_process):
    assert own_process(_onednn) == own_process(_onednn, bare=True)
