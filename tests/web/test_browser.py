"""The page in a real browser, served by the real command: upload, see, download, remove."""

from __future__ import annotations

import csv
import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flask", reason="needs Flask (the extra serve)")
pytest.importorskip("waitress", reason="needs waitress (the extra serve)")

from browser import FOUND, Browser

from imagej_dl import images, rois

pytestmark = [
    pytest.mark.tf,
    pytest.mark.skipif(FOUND is None, reason="needs Chromium (apt install chromium)"),
    pytest.mark.skipif(os.name == "nt", reason="tells Chromium what to do over POSIX pipes"),
]


def squares(count: int) -> np.ndarray:
    """Bright squares on 200 × 200 px; more than 255 of them have ids that 8 bits cannot hold."""
    image = np.full((200, 200), 10, np.uint16)
    for i in range(count):
        y, x = divmod(i, 20)
        image[10 * y + 2 : 10 * y + 8, 10 * x + 2 : 10 * x + 8] = 60000
    return image


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that finds what is bright, in a folder of models."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "prediction"))
    try:
        from small_models import threshold
    finally:
        sys.path.pop(0)
    from imagej_dl import models

    made = threshold()
    folder = tmp_path / "models" / "bright"
    models.save(made.model, made.config, folder, test_image=squares(4)[:64, :64])
    return folder.parent


@contextmanager
def served(model: Path, port: int, home: Path) -> Iterator[str]:
    """Serve by the command; it is ended as `docker stop` does, and must clean up."""
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "imagej_dl", "serve", str(model), "--port", str(port)]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(home)}) as process:
        found = f"http://127.0.0.1:{port}"
        for _ in range(150):
            try:
                urllib.request.urlopen(found).close()
                break
            except OSError:
                time.sleep(0.2)
        try:
            yield found
        finally:
            process.terminate()  # else a failed test would wait for it without end
        assert process.wait(timeout=30) == 0
    assert not list(home.glob("imagej-dl-web-*"))


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def address(model: Path, port: int, tmp_path: Path) -> Iterator[str]:
    with served(model, port, tmp_path / "temporary") as found:
        yield found


def get(address: str, link: str) -> bytes:
    with urllib.request.urlopen(address + link) as answer:
        return answer.read()


def test_upload_see_download_remove(address: str, tmp_path: Path) -> None:
    files = []
    for name, count in (("dense", 300), ("<b>few</b>", 3)):
        files.append(tmp_path / f"{name.replace('/', '_')}.tif")
        images.write(images.make(squares(count)), files[-1])
    browser = Browser(tmp_path / "profile")
    try:
        browser("Page.navigate", url=address)
        browser.until("document.querySelectorAll('#model option').length == 2")
        assert browser.run("document.querySelector('#go').disabled")
        browser.choose_files("#images", files)
        browser.until("!document.querySelector('#go').disabled")
        browser.run("document.querySelector('#go').click()")
        browser.until("document.body.innerText.includes('303 objects in 2 of 2 images')", 120)
        # a file's name is shown as text, whatever it is
        assert browser.run("document.querySelector('article b') === null")
        assert "_b_few_" in browser.run("document.body.innerText")
        shown = "[...document.querySelectorAll('.views img')]"
        browser.until(f"{shown}.length == 2 && {shown}.every(i => i.complete && i.naturalWidth)")
        links = browser.run("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
        dense = [link for link in links if "/0/" in link]
        by_end = {link.rsplit("/", 1)[1]: get(address, link) for link in dense}
        (tmp_path / "l.tif").write_bytes(by_end["labels.tif"])
        (tmp_path / "r.zip").write_bytes(by_end["RoiSet.zip"])
        labels = images.read(tmp_path / "l.tif")
        assert set(np.unique(labels)) == set(range(301))
        np.testing.assert_array_equal(labels > 0, squares(300) > 100)
        again, _ = rois.label_map(rois.read(tmp_path / "r.zip"), labels)
        np.testing.assert_array_equal(again, labels)
        assert len(list(csv.DictReader(io.StringIO(by_end["objects.csv"].decode())))) == 300
        everything = next(link for link in links if link.endswith("all.zip"))
        assert len(zipfile.ZipFile(io.BytesIO(get(address, everything))).namelist()) == 6
        browser.run("document.querySelector('#results button').click()")
        browser.until("document.querySelectorAll('article').length == 0")
        assert not browser.messages
    finally:
        browser.close()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(address, everything)


def test_a_reload_shows_it_again_and_a_restart_is_said(
    model: Path, port: int, tmp_path: Path
) -> None:
    images.write(images.make(squares(3)), tmp_path / "few.tif")
    browser = Browser(tmp_path / "profile")
    says = "(document.body?.innerText ?? '').includes('{}')".format
    try:
        with served(model, port, tmp_path / "temporary") as address:
            browser("Page.navigate", url=address)
            browser.until("document.querySelectorAll('#model option').length == 2")
            browser.choose_files("#images", [tmp_path / "few.tif"])
            browser.until("!document.querySelector('#go').disabled")
            browser.run("document.querySelector('#go').click()")
            browser.until(says("3 objects in 1 of 1 images"), 120)
            browser("Page.navigate", url=f"{address}/?again")
            browser.until(says("3 objects in 1 of 1 images"), 20)
        with served(model, port, tmp_path / "temporary"):
            browser("Page.navigate", url=address)
            browser.until(says("restarted since this upload"), 20)
            browser.run("document.querySelector('#results button').click()")
            browser("Page.navigate", url=f"{address}/?later")
            browser.until("document.querySelectorAll('#model option').length == 2")
            assert not browser.run(says("restarted"))
    finally:
        browser.close()
