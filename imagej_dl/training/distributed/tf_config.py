"""Read TF_CONFIG, TensorFlow's variable with the machines of a training and this one's number."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from imagej_dl.errors import UserError

VARIABLE = "TF_CONFIG"


@dataclass(frozen=True)
class Task:
    """The number of this machine, from 0, and the addresses HOST:PORT of all."""

    number: int
    addresses: tuple[str, ...]


def task() -> Task | None:
    """Return this machine's task; None if TF_CONFIG is not set.

    It is JSON, {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker",
    "index": 0}}; a task "chief" comes before the workers.

    Raises
    ------
    UserError : when it is malformed.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        content = json.loads(text)
        jobs = content.get("cluster", {})
        if not jobs:
            return None
        return _task(jobs, content["task"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{VARIABLE} does not name machines and this one's task ({reason})",
            remedy='Example: {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}; unset it to train on this machine alone.',
        ) from error


def _task(jobs: dict[str, Any], mine: dict[str, Any]) -> Task:
    kind, index = str(mine["type"]), int(mine["index"])
    others = set(jobs) - {"chief", "worker"}
    if others or kind not in jobs:
        raise ValueError(f"tasks are chief and worker, not {', '.join(sorted(others)) or kind}")
    chiefs, workers = list(jobs.get("chief", ())), list(jobs.get("worker", ()))
    if not 0 <= index < len(jobs[kind]):
        raise ValueError(f"there is no {kind} {index}")
    number = index + (len(chiefs) if kind == "worker" else 0)
    return Task(number, tuple(map(str, chiefs + workers)))
