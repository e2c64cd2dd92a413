"""Run by the Python that has Trackastra: INPUT.npz OUTPUT.npz; without them it prints a version."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from orphan import end_with_parent
from trackastra.model import Trackastra


def solve(inputs: Any, settings: dict[str, Any]) -> list[tuple[int, int, float]]:
    model = Trackastra.from_folder(Path(settings["MODEL"]), device=settings["DEVICE"])
    result = model.track(
        inputs["image"],
        inputs["labels"],
        mode=settings["MODE"],
        max_distance=settings["MAX_DISTANCE"],
        max_neighbors=settings["MAX_NEIGHBORS"],
    )
    graph = result[0] if isinstance(result, tuple) else result  # alone before version 0.4
    label = {node: int(values["label"]) for node, values in graph.nodes(data=True)}
    return [(label[a], label[b], float(v.get("weight", 1))) for a, b, v in graph.edges(data=True)]


def main() -> None:
    if len(sys.argv) < 3:
        print(version("trackastra"))
        return
    end_with_parent()
    with np.load(sys.argv[1]) as inputs:
        edges = solve(inputs, json.loads(str(inputs["settings"])))
    links = np.array(edges, float).reshape(-1, 3)
    pairs = links[:, :2].astype(np.int64)
    np.savez(sys.argv[2], sources=pairs[:, 0], targets=pairs[:, 1], weights=links[:, 2])


if __name__ == "__main__":
    main()
