"""Run by the Python that has motile: INPUT.npz OUTPUT.npz; without them it prints a version."""

import json
import sys
from importlib.metadata import version
from typing import Any

import motile
import networkx as nx
import numpy as np
import pyscipopt  # noqa: F401  (without it there is no solver)
from motile import constraints, costs
from motile.variables import EdgeSelected, NodeSelected, NodeSplit
from orphan import end_with_parent

KEPT = -1000.0  # each node's own cost: below all others', so that none is left out


def solve(inputs: Any, settings: dict[str, Any]) -> tuple[np.ndarray, bool]:
    """Return which links are chosen, and whether the solution is known to be optimal."""
    graph = nx.DiGraph()
    for node, frame in enumerate(inputs["frames"].tolist()):
        graph.add_node(node, t=frame)
    columns = (inputs[name].tolist() for name in ("sources", "targets", "costs"))
    links = list(zip(*columns, strict=True))
    graph.add_edges_from((a, b, {"cost": cost}) for a, b, cost in links)
    solver = motile.Solver(motile.TrackGraph(graph, frame_attribute="t"))
    splitting = settings["ALLOW_TRACK_SPLITTING"]
    solver.add_constraint(constraints.MaxParents(1))
    solver.add_constraint(constraints.MaxChildren(2 if splitting else 1))
    solver.add_cost(costs.NodeSelectedCost(constant=KEPT))
    solver.add_cost(costs.EdgeSelectedCost(attribute="cost"))
    solver.add_cost(costs.NodeAppearCost(constant=settings["APPEAR_COST"]))
    solver.add_cost(costs.NodeDisappearCost(constant=settings["DISAPPEAR_COST"]))
    if splitting:
        solver.add_cost(costs.NodeSplitCost(constant=settings["SPLITTING_COST"]))
        selected, split = solver.get_variables(EdgeSelected), solver.get_variables(NodeSplit)
        for (a, b, _), good in zip(links, inputs["splits"].tolist(), strict=True):
            if not good:  # a link that no division has
                solver.constraints.add(selected[(a, b)] + split[a] <= 1)
    solution = solver.solve(timeout=settings["TIME_LIMIT"])
    nodes, selected = solver.get_variables(NodeSelected), solver.get_variables(EdgeSelected)
    # An empty solution stands for none.
    if not any(solution[int(nodes[node])] > 0.5 for node in graph):
        raise SystemExit(f"no solution within the TIME_LIMIT of {settings['TIME_LIMIT']:g} s")
    chosen = np.array([solution[int(selected[(a, b)])] > 0.5 for a, b, _ in links], bool)
    return chosen, solution.get_status() == "OPTIMAL"


def main() -> None:
    if len(sys.argv) < 3:
        print(f"{version('motile')}, SCIP by pyscipopt {version('pyscipopt')}")
        return
    end_with_parent()
    with np.load(sys.argv[1]) as inputs:
        chosen, best = solve(inputs, json.loads(str(inputs["settings"])))
    np.savez(sys.argv[2], chosen=np.flatnonzero(chosen), best=best)


if __name__ == "__main__":
    main()
