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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

from imagej_dl import images
from imagej_dl.errors import Cancelled, UserError
from imagej_dl.filesystem import temporaries
from imagej_dl.models import ModelBundle, load
from imagej_dl.web import results
from imagej_dl.web.intake import refuse_large, refuse_long

KEPT = 3600.0
"""Seconds after its last image is done until a job and its files are removed."""
MOST = 100
"""Jobs that are kept at most; the oldest that are done go first."""
_SWEPT = 30.0
"""Seconds between two looks for what is old."""


@dataclass(frozen=True)
class Limits:
    """Limits of one image, and of all that wait.

    pixels : bytes of pixels that an image may have.
    planes : planes that an image may have.
    minutes : time limit of an image.
    waiting : images that may wait.
    """

    pixels: int
    planes: int = 2000
    minutes: float = 30.0
    waiting: int = 1000


@dataclass
class Item:
    """One image of a job: its harmless name, its file, how far it is, and what came of it."""

    name: str
    path: Path
    folder: Path
    state: str = "waiting"
    message: str = ""
    done: float = 0.0
    begun: float = 0.0
    summary: dict[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return the job as the page shows it."""
        shared = {"name": self.name, "state": self.state, "message": self.message}
        working = self.state == "working"
        seconds = round(time.monotonic() - self.begun) if working else 0
        return {**shared, "done": round(self.done, 3), "seconds": seconds, **self.summary}

    def fail(self, words: str) -> None:
        """End it; the message comes first: who reads the state as ended finds it there."""
        self.message, self.state = words, "failed"


@dataclass
class Job:
    """The images of one upload, for one model."""

    id: str
    model: Path
    folder: Path
    items: list[Item]
    diameter: str | None = None
    ended: float | None = None
    gone: bool = False

    @property
    def finished(self) -> bool:
        return not self.open

    @property
    def open(self) -> list[Item]:
        """The images that wait, and the one at work."""
        return [item for item in self.items if item.state in ("waiting", "working")]

    @property
    def waiting(self) -> list[Item]:
        """The images that wait."""
        return [item for item in self.items if item.state == "waiting"]


class Jobs:
    """All jobs; `close` ends the threads and removes all files.

    Parameters
    ----------
    limits : what an image may cost, and how many may wait.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._start = secrets.token_urlsafe(4)
        self._closed = threading.Event()
        self._present: Job | None = None
        self._home = Path(tempfile.mkdtemp(prefix=temporaries.prefix("web")))
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()
        self._queue: Queue[Job | None] = Queue()
        self._bundle: ModelBundle | None = None
        self._loaded: tuple[Path, Any] | None = None
        self._thread = threading.Thread(target=self._work, name="predictions", daemon=True)
        self._thread.start()
        # The promised hour ends also where nobody comes any more.
        threading.Thread(target=self._sweeping, name="sweeping", daemon=True).start()

    def room(self) -> Path:
        """Make an empty folder for an upload."""
        self.sweep()
        return Path(tempfile.mkdtemp(dir=self._home))

    def check_room(self, count: int) -> None:
        """Raise UserError where `count` more images would be more than may wait."""
        waiting = sum(len(job.waiting) for job in self._all())
        if waiting + count > self.limits.waiting:
            raise UserError(
                f"{waiting} images are waiting, and at most {self.limits.waiting} can wait",
                remedy="Try again when some of them are done, or upload fewer.",
            )

    def add(
        self,
        model: Path,
        folder: Path,
        files: list[tuple[str, Path]],
        refused: dict[str, str],
        diameter: str | None = None,
    ) -> Job:
        """Queue the files (name, path) of an upload; `refused` are the words for the others.

        `diameter` is that of the objects, as :func:`imagej_dl.prediction.predict` takes it.
        """
        items = []
        for number, (name, path) in enumerate(files):
            place = folder / str(number)
            place.mkdir()
            items.append(Item(name, path, place))
        items += [Item(n, folder, folder, "failed", words) for n, words in refused.items()]
        job = Job(f"{self._start}.{secrets.token_urlsafe(12)}", model, folder, items, diameter)
        with self._lock:
            self._jobs[job.id] = job
        self._queue.put(job)
        return job

    def ahead(self, job: Job) -> int:
        """Return how many images are done before the first of this job's that waits."""
        jobs = self._all()
        before = jobs[: jobs.index(job)] if job in jobs else []
        return sum(len(other.open) for other in before)

    def why_gone(self, identity: str) -> str:
        """Return why there is no job of this name."""
        if not identity.startswith(f"{self._start}."):
            return "the server was restarted since this upload: upload the images again"
        return "this upload was removed, or has expired after an hour: upload the images again"

    def _all(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def get(self, identity: str) -> Job | None:
        """Return a job, None where there is none (any more)."""
        with self._lock:
            return self._jobs.get(identity)

    def remove(self, identity: str) -> bool:
        """Forget a job and remove its files; its present image is stopped first."""
        with self._lock:
            job = self._jobs.pop(identity, None)
            if job is None:
                return False
            job.gone = True
            present = job is self._present
        if not present:  # else whoever works on it removes them
            shutil.rmtree(job.folder, ignore_errors=True)
        return True

    def sweep(self) -> None:
        """Remove what is old."""
        now = time.monotonic()
        with self._lock:
            ended = [job for job in self._jobs.values() if job.ended is not None]
            old = [job.id for job in ended if now - (job.ended or now) > KEPT]
            old += [job.id for job in ended[: max(0, len(self._jobs) - MOST)]]
        for identity in old:
            self.remove(identity)

    def _sweeping(self) -> None:
        while not self._closed.wait(min(_SWEPT, KEPT)):
            self.sweep()

    def close(self) -> None:
        """Stop working and remove all files."""
        self._closed.set()
        with self._lock:
            for job in self._jobs.values():
                job.gone = True
            self._jobs.clear()
        self._queue.put(None)
        self._thread.join(timeout=5)
        shutil.rmtree(self._home, ignore_errors=True)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            with self._lock:
                self._present = None if job.gone else job
            for item in job.waiting:
                if job.gone:
                    break
                self._do(job, item)
            with self._lock:
                self._present, job.ended = None, time.monotonic()
            if job.gone:
                shutil.rmtree(job.folder, ignore_errors=True)

    def _do(self, job: Job, item: Item) -> None:
        def listen(stage: str, done: int, total: int) -> None:
            item.done = done / max(total, 1)
            if job.gone:
                raise Cancelled
            if time.monotonic() - item.begun > 60 * self.limits.minutes:
                raise UserError(
                    f"took longer than the {self.limits.minutes:g} minutes allowed for an image",
                    remedy="Use `imagej-dl predict`, which has no such limit.",
                )

        item.begun, item.state = time.monotonic(), "working"
        try:
            with _heard() as said:
                refuse_large(item.path, item.name, self.limits.pixels)
                image = images.read(item.path)
                refuse_long(image, self.limits.planes)
                image.attrs["title"] = item.name
                bundle = self._model(job.model)
                item.summary = results.segment(
                    bundle, image, item.folder, listen, diameter=job.diameter
                )
            item.message = "; ".join(said).replace(str(item.path), item.name)
            item.state = "done"
        except Cancelled:
            item.fail("removed")
        except UserError as error:
            # Where it lies here is nobody's business.
            text = error.problem + (f". {error.remedy}" if error.remedy else "")
            item.fail(text.replace(str(item.path), item.name))
        except MemoryError:
            item.fail("there is not enough memory for this image")
        except Exception as error:  # one image must not end the service
            item.fail(f"{type(error).__name__}: it cannot be segmented")

    def _model(self, folder: Path) -> ModelBundle:
        # Read before the model is: where it is replaced meanwhile, the next image has it anew.
        state = state_of(folder)
        if self._bundle is None or self._loaded != (folder, state):
            self._bundle, self._loaded = load(folder), (folder, state)
        return self._bundle


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect the warnings of this thread: what others read for the page has its own."""
    said: list[str] = []
    here = threading.get_ident()

    def hear(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if threading.get_ident() == here and issubclass(category, UserWarning):
            said.append(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = hear
        yield said


def state_of(model: Path) -> list[tuple[str, int, int, int]]:
    """Return what changes when a model's folder or file is replaced, as by another training."""
    found = []
    for path in sorted(model.rglob("*")) if model.is_dir() else [model]:
        if path != model and path.relative_to(model).parts[0].startswith("."):
            continue  # the checkpoint of a training that is still to replace it
        with suppress(OSError):
            about = path.stat()
            found.append((str(path), about.st_ino, about.st_mtime_ns, about.st_size))
    return found


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
