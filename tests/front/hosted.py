"""A hosted ImageJ with the commands, and a user's hands: menu, dialogs, buttons, error windows.

Everything here runs in a process of its own (fixture own_process), under a screen or Xvfb.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import modal
from small_nuclei import TEST

from imagej_dl import images, rois

QUICK = {"epochs": 1, "width": 4, "depth": 1, "patch": 32, "batch": 2}
"""A training of seconds."""


def cells(data: Path, path: Path) -> Path:
    """Write a test image with a calibration of its own: 0.5 um pixels."""
    picture = images.read(data / "nuclei" / "test" / TEST / "image.tif")
    picture = images.make(picture.data, "YX", pixel_width=0.5, pixel_height=0.5, unit="um")
    images.write(picture, path)
    return path


def jimport(name: str) -> Any:
    from scyjava import jimport as found

    return found(name)


def start(display: bool = True, **environment: str) -> Any:
    """Start ImageJ 1.54p with the commands; return the front."""
    os.environ.pop("FIJI_HOME", None)
    os.environ.update(environment)
    if not display:
        os.environ.pop("DISPLAY", None)
    from imagej_dl.fiji import menu

    return menu.install("embedded", display=display)


def wait(
    ready: Callable[[], Any], seconds: float = 120, what: str = "", every: float = 0.05
) -> Any:
    """Return what `ready` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(every)
    raise TimeoutError(f"{what or ready} did not come within {seconds} s; open: {windows()}")


def windows() -> list[str]:
    """Titles of all windows that are shown."""
    found = []
    for window in jimport("java.awt.Window").getWindows():
        if window.isShowing():
            title = window.getTitle() if hasattr(window, "getTitle") else ""
            found.append(f"{window.getClass().getSimpleName()}: {title}")
    return found


def window(kind: str, title: str = "") -> Any:
    """Return the shown window of this class whose title begins so, or None.

    A dialog only once it can be answered.
    """
    for found in jimport("java.awt.Window").getWindows():
        if (
            str(found.getClass().getName()).endswith(kind)
            and str(found.getTitle()).startswith(title)
            and modal.answerable(found)
        ):
            return found
    return None


def components(container: Any, kind: str) -> Iterator[Any]:
    for part in container.getComponents():
        if str(part.getClass().getName()) == kind:
            yield part
        if hasattr(part, "getComponents"):
            yield from components(part, kind)


def act(source: Any, command: str) -> None:
    """Send an action event as a click does."""
    event = jimport("java.awt.event.ActionEvent")
    queue = jimport("java.awt.Toolkit").getDefaultToolkit().getSystemEventQueue()
    queue.postEvent(event(source, event.ACTION_PERFORMED, command))


def choose(label: str) -> None:
    """Choose a command in the menu Plugins > ImageJ-DL."""
    bar = jimport("ij.Menus").getMenuBar()
    plugins = next(
        m for i in range(bar.getMenuCount()) if (m := bar.getMenu(i)).getLabel() == "Plugins"
    )
    ours = next(
        item
        for i in range(plugins.getItemCount())
        if (item := plugins.getItem(i)).getLabel() == "ImageJ-DL"
    )
    item = next(
        it for i in range(ours.getItemCount()) if (it := ours.getItem(i)).getLabel() == label
    )
    act(item, label)


def press(container: Any, label: str) -> None:
    """Press an AWT or Swing button."""
    for kind in ("java.awt.Button", "javax.swing.JButton"):
        for button in components(container, kind):
            words = button.getLabel() if kind.startswith("java.awt") else button.getText()
            if str(words).strip() == label:
                if kind.startswith("java.awt"):
                    act(button, str(words))
                else:
                    modal.on_edt(button.doClick)
                return
    raise LookupError(f"no button {label} in {container.getTitle()}")


def press_later(container: Any, label: str) -> None:
    """Press a Swing button that opens a modal dialog, without waiting for the dialog's end."""
    button = next(
        part
        for part in components(container, "javax.swing.JButton")
        if str(part.getText()).strip() == label
    )
    modal.soon(button.doClick)


def fill(front: Any, label: str, more: bool = False, **values: Any) -> Any:
    """Fill in the open dialog of a command; return it."""
    command = front.command(label)
    dialog = wait(lambda: window("GenericDialog", label), 60, f"the dialog of {label}")
    fields = [f for f in command.get("fields") if bool(f.get("advanced")) == more]
    texts = iter(dialog.getStringFields() or [])
    boxes = iter(dialog.getCheckboxes() or [])
    choices = iter(dialog.getChoices() or [])
    rest = dict(values)
    entries: list[tuple[Any, Any]] = []
    for field in fields:
        key, kind = str(field.get("key")), str(field.get("type"))
        part = next(boxes if kind == "bool" else choices if kind == "choice" else texts)
        titles = next(choices) if str(field.get("opened")) else None
        if key not in rest:
            continue
        value = rest.pop(key)
        if titles is not None:
            offered = [str(titles.getItem(i)) for i in range(titles.getItemCount())]
            entries.append((titles, str(value) if str(value) in offered else offered[0]))
            if str(value) in offered:
                continue
        entries.append((part, bool(value) if kind == "bool" else str(value)))
    if rest:
        raise LookupError(f"{label} does not ask for {list(rest)}")
    modal.enter(entries)
    return dialog


def accept_with_more(front: Any, label: str, more: dict[str, Any], **values: Any) -> None:
    """Fill in a command's open dialog and that of its further settings, and press OK in both."""
    dialog = fill(front, label, **values)
    boxes = {str(box.getLabel()): box for box in dialog.getCheckboxes()}
    modal.enter([(boxes["More settings..."], True)])
    press(dialog, "OK")
    wait(lambda: not dialog.isShowing(), 120)
    press(fill(front, label, more=True, **more), "OK")


def train(front: Any, **values: Any) -> None:
    """Choose Train and begin it with QUICK's further settings."""
    choose("ImageJ-DL Train")
    quick = {key: value for key, value in QUICK.items() if key != "epochs"}
    accept_with_more(front, "ImageJ-DL Train", quick, **values)


def error_words(close: bool = True, seconds: float = 120) -> str:
    """Wait for ImageJ's error window, read it, and press OK."""
    dialog = wait(lambda: window("MessageDialog"), seconds, "an error window")
    label = next(components(dialog, "ij.gui.MultiLineLabel"))
    field = label.getClass().getDeclaredField("lines")
    field.setAccessible(True)
    words = "\n".join(str(line) for line in field.get(label))
    if close:
        press(dialog, "OK")
        wait(lambda: not dialog.isShowing(), 120, "the end of the error window")
    return words


@contextmanager
def dismissing() -> Iterator[list[str]]:
    """Press OK in every error window meanwhile, a macro's too; give their words."""
    found: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            dialog = window("MessageDialog") or window("GenericDialog", "Macro Error")
            if dialog is None:
                continue
            lines = []
            for label in components(dialog, "ij.gui.MultiLineLabel"):
                field = label.getClass().getDeclaredField("lines")
                field.setAccessible(True)
                lines += [str(line) for line in field.get(label) or []]
            lines += [str(label.getText()) for label in components(dialog, "java.awt.Label")]
            found.append("\n".join(lines))
            press(dialog, "OK")
            wait(lambda ended=dialog: not ended.isShowing(), 120)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join(15)


def macro(text: str, argument: str = "") -> str:
    """Run a macro as `imagej-dl fiji --macro` does; UserError where it is aborted."""
    from imagej_dl.fiji import menu

    with tempfile.TemporaryDirectory() as folder, dismissing():
        path = Path(folder, "macro.ijm")
        path.write_text(text, encoding="utf-8")
        return menu.run_macro(path, argument)


def log() -> str:
    text = jimport("ij.IJ").getLog()
    return "" if text is None else str(text)


def titles() -> list[str]:
    return sorted(str(t) for t in jimport("ij.WindowManager").getImageTitles())


def pixels(title: str) -> Any:
    from imagej_dl.fiji import from_imageplus

    return from_imageplus(jimport("ij.WindowManager").getImage(title))


def workers() -> list[int]:
    """Process ids of the workers that this ImageJ has started."""
    handle = jimport("java.lang.ProcessHandle").current()
    found = []
    for child in handle.descendants().toArray():
        try:
            line = Path(f"/proc/{child.pid()}/cmdline").read_bytes()
        except OSError:
            continue
        if b"appose" in line:
            found.append(int(child.pid()))
    return found


def resident(pid: int) -> int:
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def waits_for_worker() -> bool:
    """Whether a command has sent its work to the worker, and waits until it is done."""
    for stack in jimport("java.lang.Thread").getAllStackTraces().values():
        names = [f"{frame.getClassName()}.{frame.getMethodName()}" for frame in stack]
        if "imagejdl.Run.work" in names and names[0].startswith("java.lang.Thread.sleep"):
            return True
    return False


def manager_count() -> int:
    manager = jimport("ij.plugin.frame.RoiManager").getInstance2()
    return 0 if manager is None else int(manager.getCount())


@contextmanager
def no_leftovers() -> Iterator[None]:
    """Shared memory that was not there before, and that no process uses, must not stay."""
    before = set(os.listdir("/dev/shm"))
    yield
    end = time.monotonic() + 30
    # A worker whose ImageJ is gone ends, too, and takes away what is left.
    while (left := _left(before)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left, left


def _left(before: set[str]) -> set[str]:
    # Shared memory is a file there; folders are others' own work. What a killed worker had noted
    # is empty, and the next one takes it away.
    files = [entry for entry in os.scandir("/dev/shm") if entry.is_file()]
    left = {entry.name for entry in files if entry.stat().st_size} - before
    left = {name for name in left if not name.startswith("sem.")}
    left -= _in_use(left)  # by another run on this machine
    return left & set(os.listdir("/dev/shm"))


def _in_use(names: set[str]) -> set[str]:
    used = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            text = maps.read_text()
        except OSError:
            continue
        used |= {name for name in names if f"/dev/shm/{name}" in text}
    return used


def python_labels(model: Path, image: Path) -> Any:
    """What the Python API finds: labels and the number of ROIs."""
    from imagej_dl import models
    from imagej_dl.prediction import predict

    labels = predict(models.load(model), images.read(image)).labels
    return labels, len(rois.trace(labels))


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def newest(title: str) -> str | None:
    """Return the title if an image of it is open."""
    return title if title in titles() else None
