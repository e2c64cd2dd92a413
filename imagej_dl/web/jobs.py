"""Uploads and their predictions, one after the other in a thread of their own."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
import warnings
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

from imagej_dl import images, temporaries
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.models import ModelBundle, load
from imagej_dl.web import results
from imagej_dl.web.intake import refuse_large

KEPT = 3600.0
"""Seconds after which a job and its files are removed."""
MOST = 100
"""Jobs that are kept at most; the oldest go first."""


@dataclass
class Item:
    """One image of a job: its harmless name, its file, how far it is, and what came of it."""

    name: str
    path: Path
    folder: Path
    state: str = "waiting"
    message: str = ""
    done: float = 0.0
    found: dict[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Say it to the page."""
        shared = {"name": self.name, "state": self.state, "message": self.message}
        return {**shared, "done": round(self.done, 3), **self.found}


@dataclass
class Job:
    """The images of one upload, for one model."""

    id: str
    model: Path
    folder: Path
    items: list[Item]
    begun: float = field(default_factory=time.monotonic)
    gone: bool = False

    @property
    def finished(self) -> bool:
        return all(item.state in ("done", "failed") for item in self.items)


class Jobs:
    """All jobs; `close` ends the thread and removes all files.

    Parameters
    ----------
    limit : bytes of pixels that an image may have.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._home = Path(tempfile.mkdtemp(prefix=temporaries.prefix("web")))
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._queue: Queue[Job | None] = Queue()
        self._bundle: ModelBundle | None = None
        self._thread = threading.Thread(target=self._work, name="predictions", daemon=True)
        self._thread.start()

    def room(self) -> Path:
        """Make an empty folder for an upload."""
        self.sweep()
        return Path(tempfile.mkdtemp(dir=self._home))

    def add(self, model: Path, folder: Path, files: list[tuple[str, Path]]) -> Job:
        """Queue the files (name, path) of an upload."""
        items = []
        for number, (name, path) in enumerate(files):
            place = folder / str(number)
            place.mkdir()
            items.append(Item(name, path, place))
        job = Job(secrets.token_urlsafe(12), model, folder, items)
        with self._lock:
            self._jobs[job.id] = job
        self._queue.put(job)
        return job

    def get(self, identity: str) -> Job | None:
        """Return a job, None where there is none (any more)."""
        with self._lock:
            return self._jobs.get(identity)

    def remove(self, identity: str) -> bool:
        """Forget a job and remove its files, if need be once its present image is done."""
        with self._lock:
            job = self._jobs.pop(identity, None)
        if job is None:
            return False
        job.gone = True
        if job.finished:
            shutil.rmtree(job.folder, ignore_errors=True)
        return True

    def sweep(self) -> None:
        """Remove what is old."""
        now = time.monotonic()
        with self._lock:
            ended = [job for job in self._jobs.values() if job.finished]
            old = [job.id for job in ended if now - job.begun > KEPT]
            old += [job.id for job in ended[: max(0, len(self._jobs) - MOST)]]
        for identity in old:
            self.remove(identity)

    def close(self) -> None:
        """Stop working and remove all files."""
        with self._lock:
            for job in self._jobs.values():
                job.gone = True
            self._jobs.clear()
        self._queue.put(None)
        self._thread.join(timeout=5)
        shutil.rmtree(self._home, ignore_errors=True)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            for item in job.items:
                if job.gone:
                    break
                self._do(job, item)
            if job.gone:
                shutil.rmtree(job.folder, ignore_errors=True)

    def _do(self, job: Job, item: Item) -> None:
        # The state is said last: who reads it as ended finds the message there.
        def listen(stage: str, done: int, total: int) -> None:
            item.done = done / max(total, 1)
            if job.gone:
                raise Cancelled

        item.state = "working"
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                refuse_large(item.path, item.name, self.limit)
                image = images.read(item.path)
                image.attrs["title"] = item.name
                item.found = results.segment(self._model(job.model), image, item.folder, listen)
            words = [str(w.message) for w in said if issubclass(w.category, UserWarning)]
            item.message = "; ".join(words).replace(str(item.path), item.name)
            item.state = "done"
        except Cancelled:
            item.state = "failed"
        except UserError as error:
            # Where it lies here is nobody's business.
            text = error.problem + (f". {error.remedy}" if error.remedy else "")
            item.message, item.state = text.replace(str(item.path), item.name), "failed"
        except MemoryError:
            item.message, item.state = "there is not enough memory for this image", "failed"
        except Exception as error:  # one image must not end the service
            item.message, item.state = f"{type(error).__name__}: it cannot be segmented", "failed"

    def _model(self, folder: Path) -> ModelBundle:
        if self._bundle is None or self._bundle.folder != folder:
            self._bundle = load(folder)
        return self._bundle


def packed(job: Job) -> Path:
    """Put all results of a job into one ZIP file; return its path."""
    target = job.folder / "all.zip"
    if not target.exists():
        part = job.folder / f"{secrets.token_hex(4)}.part"
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for item in job.items:
                for name in (results.LABELS, results.ROIS, results.TABLE):
                    if item.state == "done" and (item.folder / name).exists():
                        archive.write(item.folder / name, f"{item.name}_{name}")
        part.replace(target)
    return target
