"""Simulated time-lapses of nuclei with ground truth, for the demo and for tests."""

from imagej_dl.simulation.colony import LIVELY, STEADY, Motion
from imagej_dl.simulation.nuclei import Simulation, movie, stills
from imagej_dl.simulation.write import Written, write

__all__ = ["LIVELY", "STEADY", "Motion", "Simulation", "Written", "movie", "stills", "write"]
