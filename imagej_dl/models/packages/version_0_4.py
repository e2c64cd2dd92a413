"""Descriptions of the specification 0.4, brought into the form of 0.5."""

from __future__ import annotations

from typing import Any

_AXES = {
    "b": {"type": "batch"},
    "c": {"type": "channel"},
    "i": {"type": "index"},
    "t": {"type": "time"},
    "z": {"type": "space", "id": "z"},
    "y": {"type": "space", "id": "y"},
    "x": {"type": "space", "id": "x"},
}
_NAMES = {"b": "batch", "c": "channel"}


def converted(content: dict[str, Any]) -> dict[str, Any]:
    """Return a description of version 0.4 as one of 0.5.

    Raises
    ------
    KeyError, TypeError, ValueError, IndexError : for what is no description of a model.
    """
    tests = {side: content.get(f"test_{side}") or [] for side in ("inputs", "outputs")}
    made = {
        side: [
            _tensor(tensor, tests[side][number] if number < len(tests[side]) else None)
            for number, tensor in enumerate(content[side])
        ]
        for side in ("inputs", "outputs")
    }
    return {**content, "format_version": "0.5", **made}


def _tensor(tensor: dict[str, Any], test: Any) -> dict[str, Any]:
    letters = str(tensor["axes"])
    shape = tensor["shape"]
    halo = tensor.get("halo") or [0] * len(letters)
    axes = []
    for number, letter in enumerate(letters):
        axis = {**_AXES[letter], "halo": int(halo[number])}
        if letter != "b":
            axis["size"] = _size(shape, number, letter)
        axes.append(axis)
    processing = [*(tensor.get("preprocessing") or []), *(tensor.get("postprocessing") or [])]
    return {
        "id": str(tensor["name"]),
        "description": str(tensor.get("description") or ""),
        "axes": axes,
        "data": {"type": tensor["data_type"], "range": _range(tensor.get("data_range"))},
        "test_tensor": test,
        "preprocessing": [_operation(one) for one in processing],
    }


def _size(shape: Any, number: int, letter: str) -> Any:
    if isinstance(shape, list):
        return int(shape[number])
    if "min" in shape:
        least, step = int(shape["min"][number]), int(shape["step"][number])
        return {"min": least, "step": step} if step else least
    # Of an output: reference · scale + 2 · offset.
    scale, offset = float(shape["scale"][number] or 0), float(shape["offset"][number])
    if letter == "c" or scale == 0:
        return int(2 * offset) or None
    if scale != 1:
        raise ValueError(f"its output is {scale:g} times as large as its input")
    return {"tensor_id": str(shape["reference_tensor"]), "axis_id": letter,
            "offset": int(2 * offset)}  # fmt: skip


def _range(given: Any) -> list[float | None]:
    ends = given if isinstance(given, list) and len(given) == 2 else (None, None)
    return [None if end is None or abs(float(end)) == float("inf") else float(end) for end in ends]


def _operation(one: dict[str, Any]) -> dict[str, Any]:
    given = dict(one.get("kwargs") or {})
    mode = given.pop("mode", "per_sample")
    name = str(one["name"])
    if "axes" in given:
        axes = [_NAMES.get(letter, letter) for letter in given["axes"]]
        given["axes"] = axes
    if name == "zero_mean_unit_variance" and mode == "fixed":
        given.pop("axes", None)
        given.pop("eps", None)
        name = "fixed_zero_mean_unit_variance"
        given = {key: _number(value) for key, value in given.items()}
    elif mode == "per_dataset" and "axes" in given:
        given["axes"] = ["batch", *given["axes"]]
    if name == "scale_linear":
        given = _scaled(given)
    if name == "scale_range" and given.get("reference_tensor") is None:
        given.pop("reference_tensor", None)
    return {"id": name, "kwargs": given}


def _scaled(given: dict[str, Any]) -> dict[str, Any]:
    axes = given.pop("axes", None)
    found = {key: _number(value) for key, value in given.items()}
    if axes and any(isinstance(value, list) for value in found.values()):
        found["axis"] = "channel"
    return found


def _number(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
