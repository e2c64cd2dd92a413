"""Optimization by Optuna: trials that outlive the process, and their tables.

The hyperparameter search and the tuning of trackers are both made of it; nothing else knows
Optuna's storages and samplers. Importing this does not load Optuna; :class:`Study` does.
"""

from imagej_dl.optimization.report import write_json, write_table
from imagej_dl.optimization.study import Heartbeat, Study

__all__ = ["Heartbeat", "Study", "write_json", "write_table"]
