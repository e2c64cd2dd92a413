"""One command, run for ImageJ in this process."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imagej_dl import optional, preferences
from imagej_dl._version import __version__
from imagej_dl.commands import load, menu
from imagej_dl.commands.base import Command, listener
from imagej_dl.errors import Cancelled, DataWarning, Enough, UserError
from imagej_dl.filesystem import temporaries
from imagej_dl.filesystem.atomic import in_words
from imagej_dl.worker import dialog_values, imagej_names, requests, shared_memory
from imagej_dl.worker.session import Session, View

# Files that ImageJ reads after a command has ended; gone with this process.
_folder = tempfile.TemporaryDirectory(prefix=temporaries.prefix())


def commands() -> dict[str, Any]:
    """Describe the commands of the menu.

    Returns
    -------
    {"commands": as :func:`menu.describe` says, "idle": seconds that the worker waits, "remembered":
    what :func:`remember` was given last, "version": of imagej-dl}.
    """
    described = [menu.describe(name) for name in menu.MENU]
    idle = preferences.read().idle
    told = {"commands": described, "idle": idle, "remembered": dialog_values.read()}
    return told | {"version": __version__}


def holding(command: str) -> dict[str, Any]:
    """Return the values in force, as text, of a command that sets preferences: {"values": ...}."""
    values = load(command).holding() or {}
    return {"values": {key: str(value) for key, value in values.items()}}


def remember(values: dict[str, Any]) -> dict[str, Any]:
    """Keep the values given in dialogs for the next start of ImageJ."""
    dialog_values.write(values)
    return {}


def plan(
    command: str,
    values: dict[str, Any],
    door: imagej_names.Door = "macro",
    opened: Sequence[str] = (),
) -> dict[str, Any]:
    """Check a command's values, and return how ImageJ runs it.

    Parameters
    ----------
    door : whether a dialog or a macro gave them: errors use its names.
    opened : the keys whose values are titles of open images.

    Returns
    -------
    {"takes": what it wants of ImageJ, "live": whether it is a training, "idle": seconds that the
    worker waits for the next command}, or {"error": words}.
    """
    try:
        declared = _declare(command, values).with_opened(dict.fromkeys(opened))
        declared.check()
        return {
            "takes": sorted(declared.inputs()),
            "live": declared.live(),
            "idle": preferences.read().idle,
        }
    except UserError as error:
        return {"error": imagej_names.error(error, command, door)}
    except OSError as error:  # too long a name, a folder that may not be looked into
        if error.filename is None:
            raise
        return {"error": imagej_names.error(in_words(error), command, door)}


def run(
    task: Any,
    command: str,
    values: dict[str, Any],
    image: Any = None,
    about: dict[str, Any] | None = None,
    image_path: str | None = None,
    roiset: str | None = None,
    fiji: str | None = None,
    door: imagej_names.Door = "macro",
    view: dict[str, Any] | None = None,
    opened: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Run a command for ImageJ.

    Parameters
    ----------
    task : Appose's: receives progress and events, and knows whether the user cancelled.
    values : the command's keys and values, as a macro or a dialog gives them.
    image, about : the open image in shared memory and what :func:`shared.to_image` needs to know.
    image_path, roiset, fiji : as in :class:`Session`.
    door : as for :func:`plan`.
    view : the fields of :class:`View`.
    opened : further open images, each with the `key` that gives its title, `image` and `about`.

    Returns
    -------
    {"text": the command's messages, "shown": what is to be opened, "values": for macros}, or
    {"error": words for the user}, or {"cancelled": True}; "text" also with these two.
    """
    optional.process_is_ours = True
    shared_memory.release()
    requests.forget()
    said: list[str] = []
    named = {one["key"]: shared_memory.to_image(one["image"], one["about"]) for one in opened}
    session = Session(
        Path(tempfile.mkdtemp(dir=_folder.name)),
        image=None if image is None else shared_memory.to_image(image, about or {}),
        display=shared_memory.display_of(about or {}),
        image_path=None if image_path is None else Path(image_path),
        roiset=None if roiset is None else Path(roiset),
        fiji=fiji,
        view=View(**(view or {})),
        tell=lambda event: task.update(info=shared_memory.encoded(event)),
    )

    def hear(text: str) -> None:
        said.append(imagej_names.spoken(text, command, door))

    token = listener.set(hear)
    try:
        with _warnings(hear):
            declared = _declare(command, values).with_opened(named)
            declared.run_in_imagej(session, _progress(task))
        return {
            "text": "\n".join(said),
            "shown": [shared_memory.encoded(item) for item in session.shown],
            "values": session.values,
        }
    except UserError as error:
        return {"text": "\n".join(said), "error": imagej_names.error(error, command, door)}
    except Cancelled:
        return {"text": "\n".join(said), "cancelled": True}
    except OSError as error:
        if error.filename is None:
            raise
        return {
            "text": "\n".join(said),
            "error": imagej_names.error(in_words(error), command, door),
        }
    except MemoryError:
        text = "there is not enough memory; try smaller tiles or images"
        return {"text": "\n".join(said), "error": text}
    except ImportError as error:
        name = (error.name or "").split(".")[0]
        text = f"a library does not load in {_environment()} ({optional.cause(str(error))})"
        if name and isinstance(error, ModuleNotFoundError) and not optional.there(name):
            text = f"{name} is not installed in {_environment()}. pip install {name}"
        return {"text": "\n".join(said), "error": text}
    finally:
        listener.reset(token)


def enough() -> None:
    """End the running training, and keep its model as it is: "use now"."""
    requests.enough.set()


def stop() -> None:
    """Cancel the running training, and not what its command does after it."""
    requests.stop.set()


def _declare(command: str, values: dict[str, Any]) -> Command:
    return load(command).declare(menu.parse(command, dict(values)))


def _progress(task: Any) -> Any:
    last: tuple[str, int, int] | None = None

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last
        # Appose knows one way to cancel; "use now" comes by a call of enough().
        # Where ImageJ has ended, nobody listens any more: what is there is kept.
        if task.cancel_requested or not getattr(task._worker, "running", True):
            raise Cancelled
        if requests.stop.is_set():
            requests.stop.clear()
            raise Cancelled
        if requests.enough.is_set():
            raise Enough
        if (stage, done, total) != last:
            last = (stage, done, total)
            task.update(stage, done, total)

    return progress


@contextmanager
def _warnings(hear: Callable[[str], None]) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = lambda message, category, *_, **__: (
            hear(f"warning: {message}") if issubclass(category, DataWarning) else None
        )
        yield


def _environment() -> str:
    import sys

    return sys.prefix
