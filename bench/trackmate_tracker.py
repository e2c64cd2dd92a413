"""The tracking step of a real TrackMate alone: spots in its memory to its graph of links."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd

_PACKAGE = "fiji.plugin.trackmate"


class TrackMateTracker:
    """TrackMate's LAP tracker on spots that are in its memory already."""

    def __init__(self, spots: pd.DataFrame, settings: dict[str, Any]) -> None:
        from scyjava import jimport

        from imagej_dl.fiji.trackmate.settings import java_map

        factory = jimport(f"{_PACKAGE}.tracking.jaqaman.SparseLAPTrackerFactory")()
        self.factory, self.settings = factory, java_map(factory.getDefaultSettings(), settings)
        self.spots = jimport(f"{_PACKAGE}.SpotCollection")()
        self.row: dict[int, int] = {}
        spot, whole = jimport(f"{_PACKAGE}.Spot"), jimport("java.lang.Integer")
        columns = (spots["frame"].tolist(), spots["x"].tolist(), spots["y"].tolist())
        for row, (frame, x, y) in enumerate(zip(*columns, strict=True)):
            made = spot(x, y, 0.0, 5.0, 1.0)
            self.row[int(made.ID())] = row
            self.spots.add(made, whole(frame))
        self.spots.setVisible(True)

    def track(self) -> float:
        """Track; return the seconds it took. Its links are in `graph`."""
        tracker = self.factory.create(self.spots, self.settings)
        tracker.setNumThreads()
        begin = time.perf_counter()
        done = tracker.checkInput() and tracker.process()
        taken = time.perf_counter() - begin
        if not done:
            raise RuntimeError(str(tracker.getErrorMessage()))
        self.graph = tracker.getResult()
        return taken

    def links(self) -> set[tuple[int, int]]:
        """The last links found, by the rows of the table, forward in time as its order is."""
        ends = (
            sorted(
                (
                    self.row[int(self.graph.getEdgeSource(edge).ID())],
                    self.row[int(self.graph.getEdgeTarget(edge).ID())],
                )
            )
            for edge in self.graph.edgeSet()
        )
        return {(source, target) for source, target in ends}

    def peak(self) -> float:
        """Track once more; return the most of Java's heap that was in use meanwhile, in MB.

        With what is garbage by then: Java cleans up when it likes.
        """
        from scyjava import jimport

        heap = jimport("java.lang.management.MemoryType").HEAP
        pools = jimport("java.lang.management.ManagementFactory").getMemoryPoolMXBeans()
        pools = [pool for pool in pools if pool.getType().equals(heap)]
        jimport("java.lang.System").gc()
        for pool in pools:
            pool.resetPeakUsage()
        self.track()
        return sum(int(pool.getPeakUsage().getUsed()) for pool in pools) / 2**20
