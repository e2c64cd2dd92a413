"""The web page, asked by Flask's client: what it answers, and what it refuses."""

from __future__ import annotations

import csv
import io
import shutil
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from ome_sets import write_set
from PIL import Image

pytest.importorskip("flask", reason="needs Flask (the extra serve)")

from imagej_dl import images, rois
from imagej_dl.commands.serve import Serve
from imagej_dl.errors import UserError, warn
from imagej_dl.images.formats import registry
from imagej_dl.models.ready import registry as ready
from imagej_dl.progress import silent
from imagej_dl.web import application, jobs
from imagej_dl.web.app import models_of
from imagej_dl.web.intake import safe_name, unlike

OWN = {"X-ImageJ-DL": "1"}


class Bright:
    """Stands for a model: what is bright is an object; no network, so that the test is fast."""

    folder: Path | None = None


def bright(bundle: Any, image: Any, progress: Any, **_: Any) -> Any:
    from scipy import ndimage as ndi

    from imagej_dl.prediction import Prediction

    grey = image.isel(C=0) if "C" in image.dims else image
    planes = grey.values.reshape(-1, *grey.shape[-2:])
    found = np.stack([ndi.label(plane > 100)[0] for plane in planes]).reshape(grey.shape)
    progress("predict", 1, 1)
    return Prediction(images.with_data(image, found.astype(np.uint16), list(grey.dims)), None)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("cells", "nuclei"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text("{}")
    monkeypatch.setattr(jobs, "load", lambda folder: Bright())
    monkeypatch.setattr("imagej_dl.prediction.predict", bright)
    made = application(tmp_path / "models", upload=2, pixels=4, files=3)
    yield made
    made.extensions["imagej-dl"].close()


@pytest.fixture
def client(app: Any) -> Any:
    return app.test_client()


def tiff(array: np.ndarray, dims: str = "YX") -> io.BytesIO:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, imagej=True, metadata={"axes": dims})
    return io.BytesIO(stream.getvalue())


def many(count: int = 400) -> np.ndarray:
    """An image of `count` bright squares, more than 8 bits can number."""
    image = np.zeros((100, 100), np.uint16)
    for i in range(count):
        y, x = divmod(i, 20)
        image[5 * y : 5 * y + 3, 5 * x : 5 * x + 3] = 200 + i
    return image


def post(client: Any, *files: tuple[io.BytesIO, str], model: str = "cells", **more: Any) -> Any:
    data = {"model": model, "images": list(files)}
    return client.post("/api/jobs", data=data, headers=more.pop("headers", OWN), **more)


def finished(client: Any, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 201, answer.json
    for _ in range(200):
        job = client.get(f"/api/jobs/{answer.json['id']}").json
        if job["finished"]:
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_the_page_and_its_models(client: Any) -> None:
    answer = client.get("/")
    assert b"<h1>imagej-dl</h1>" in answer.data
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert b"use strict" in client.get("/static/page.js").data
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/app.py").status_code == 404
    assert [m["name"] for m in client.get("/api/models").json["models"]] == ["cells", "nuclei"]


def test_an_image_has_its_own_warnings_alone(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finished(client, post(client, (tiff(many(3)), "first.tif")))

    def warned(bundle: Any, image: Any, progress: Any, **more: Any) -> Any:
        # Meanwhile another user looks at the first image, which is read again.
        other = threading.Thread(target=lambda: warn("of the first", path="/its/place"))
        other.start()
        other.join()
        warn("of the second")
        return bright(bundle, image, progress, **more)

    monkeypatch.setattr("imagej_dl.prediction.predict", warned)
    [item] = finished(client, post(client, (tiff(many(3)), "second.tif")))["items"]
    assert (item["message"], first["items"][0]["message"]) == ("of the second", "")


def test_a_model_that_is_trained_again_is_loaded_again(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def load(folder: Path) -> Any:
        one = Bright()
        one.folder = folder
        return one

    def seen(bundle: Any, *rest: Any, **more: Any) -> Any:
        given.append(bundle)
        return bright(bundle, *rest, **more)

    monkeypatch.setattr(jobs, "load", load)
    monkeypatch.setattr("imagej_dl.prediction.predict", seen)
    client = app.test_client()
    model = tmp_path / "models" / "cells"
    for step in range(3):
        finished(client, post(client, (tiff(many(3)), "a.tif")))
        if not step:
            (model / ".training").mkdir()  # one that goes on, which changes nothing yet
        elif step == 1:
            new = tmp_path / "new"
            shutil.copytree(model, new)
            shutil.rmtree(model)
            new.rename(model)
    assert given[0] is given[1]
    assert given[1] is not given[2]


def test_the_ready_models_are_offered(tmp_path: Path) -> None:
    made = application()
    try:
        [one] = made.test_client().get("/api/models").json["models"]
    finally:
        made.extensions["imagej-dl"].close()
    assert one["name"] == ready.DEFAULT
    assert one["title"] == ready.card(ready.DEFAULT).title
    # One of the user's hides the ready one of its name.
    shutil.copytree(ready.HOME / ready.DEFAULT, tmp_path / "models" / ready.DEFAULT)
    assert models_of(tmp_path / "models") == {
        ready.DEFAULT: tmp_path / "models" / ready.DEFAULT,
    }


def test_ids_above_255_are_right_in_every_download(client: Any, tmp_path: Path) -> None:
    image = many()
    job = finished(client, post(client, (tiff(image), "dense.tif")))
    [item] = job["items"]
    assert (item["state"], item["objects"], item["largest"]) == ("done", 400, 400)
    base = f"/api/jobs/{job['id']}/0/"
    (tmp_path / "l.tif").write_bytes(client.get(base + "labels.tif").data)
    labels = images.read(tmp_path / "l.tif")
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) == set(range(401))
    (tmp_path / "r.zip").write_bytes(client.get(base + "RoiSet.zip").data)
    again, _ = rois.label_map(rois.read(tmp_path / "r.zip"), labels)
    np.testing.assert_array_equal(again, labels)
    table = list(csv.DictReader(io.StringIO(client.get(base + "objects.csv").text)))
    assert len(table) == 400
    row = next(r for r in table if r["label"] == "300")
    assert (row["area_px"], float(row["mean"])) == ("9", 499.0)
    y, x = np.argwhere(labels.values == 300).mean(0)
    assert (float(row["x"]), float(row["y"])) == (x, y)
    picture = np.asarray(Image.open(io.BytesIO(client.get(base + "overlay.png").data)))
    assert picture.shape == (400, 400, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200  # coloured outlines


def test_many_images_in_one_zip(client: Any) -> None:
    small = np.zeros((20, 20), np.uint8)
    small[2:6, 2:6] = 200
    stream = io.BytesIO()
    Image.fromarray(small).save(stream, "PNG")
    movie = np.stack([small, np.roll(small, 5, 1)])
    answer = post(
        client,
        (tiff(small), "a.tif"),
        (io.BytesIO(stream.getvalue()), "A.png"),
        (tiff(movie, "TYX"), "movie.tif"),
    )
    job = finished(client, answer)
    assert [item["name"] for item in job["items"]] == ["a", "A_2", "movie"]
    assert [item["objects"] for item in job["items"]] == [1, 1, 2]
    second = client.get(f"/api/jobs/{job['id']}/2/overlay.png?plane=1")
    assert second.data != client.get(f"/api/jobs/{job['id']}/2/overlay.png?plane=0").data
    assert client.get(f"/api/jobs/{job['id']}/2/overlay.png?plane=2").status_code == 404
    packed = zipfile.ZipFile(io.BytesIO(client.get(f"/api/jobs/{job['id']}/all.zip").data))
    ends = ("labels.tif", "RoiSet.zip", "objects.csv")
    assert sorted(packed.namelist()) == sorted(
        f"{name}_{end}" for name in ("a", "A_2", "movie") for end in ends
    )


def test_one_bad_image_does_not_cost_the_others(client: Any) -> None:
    empty = tiff(np.zeros((9, 9), np.uint8))
    job = finished(client, post(client, (io.BytesIO(b"II*\0x"), "bad.tif"), (empty, "e.tif")))
    assert [item["state"] for item in job["items"]] == ["failed", "done"]
    assert "is not a readable TIFF" in job["items"][0]["message"]
    assert "imagej-dl-web" not in job["items"][0]["message"]
    assert (job["items"][1]["objects"], job["items"][1]["rois"]) == (0, False)
    assert client.get(f"/api/jobs/{job['id']}/0/labels.tif").status_code == 404
    assert client.get(f"/api/jobs/{job['id']}/1/RoiSet.zip").status_code == 404


def test_a_large_upload(client: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 99, (1000, 900)).astype(np.uint16)
    noise[10:20, 10:20] = 500
    job = finished(client, post(client, (tiff(noise), "large.tif")))
    assert job["items"][0]["objects"] == 1


def test_finished_is_said_with_what_came(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that ends while it is told as one at work is not told to be the last answer."""
    told, asked = jobs.Item.told, threading.Event()

    def meanwhile(item: jobs.Item) -> dict[str, Any]:
        said = told(item)
        asked.set()
        while item.state not in ("done", "failed"):
            time.sleep(0.01)
        return said

    def waiting(bundle: Any, image: Any, progress: Any, **_: Any) -> Any:
        asked.wait(60)
        return bright(bundle, image, progress)

    monkeypatch.setattr(jobs.Item, "told", meanwhile)
    monkeypatch.setattr("imagej_dl.prediction.predict", waiting)
    first = post(client, (tiff(many()), "a.tif"))
    assert (first.json["items"][0]["state"] == "done", first.json["finished"]) == (False, False)
    assert finished(client, first)["items"][0]["state"] == "done"


@pytest.mark.slow
def test_limits(client: Any) -> None:
    image = tiff(np.zeros((9, 9), np.uint8))
    assert "not an image" in post(client, (io.BytesIO(b"x"), "a.py")).json["error"]
    assert "no model" in post(client, (image, "a.tif"), model="../cells").json["error"]
    assert "from 1 to 3" in post(client).json["error"]
    four = [(tiff(np.zeros((9, 9), np.uint8)), f"{i}.tif") for i in range(4)]
    assert "from 1 to 3" in post(client, *four).json["error"]
    answer = post(client, (io.BytesIO(bytes(3 * 2**20)), "a.tif"))
    assert answer.status_code == 413
    assert "2 MiB" in answer.json["error"]
    # a small file that unpacks to much
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((4000, 4000), np.uint8), compression="zlib")
    job = finished(client, post(client, (io.BytesIO(stream.getvalue()), "bomb.tif")))
    assert "MiB of pixels, and at most 4 are allowed" in job["items"][0]["message"]
    stream = io.BytesIO()
    Image.new("1", (20_000, 18_000)).save(stream, "PNG")
    job = finished(client, post(client, (io.BytesIO(stream.getvalue()), "bomb.png")))
    assert "too large for a PNG or JPEG file" in job["items"][0]["message"]
    # an OME-TIFF that names another file
    stream = io.BytesIO()
    planes = "".join(
        f'<TiffData IFD="0" FirstT="{t}"><UUID FileName="{name}">{name}</UUID></TiffData>'
        for t, name in enumerate(("ome.tif", "../../secret.tif"))
    )
    sizes = 'SizeX="9" SizeY="9" SizeZ="1" SizeC="1" SizeT="2"'
    xml = f'<OME><Image><Pixels DimensionOrder="XYCZT" {sizes}>{planes}</Pixels></Image></OME>'
    tifffile.imwrite(stream, np.zeros((9, 9), np.uint8), description=xml, metadata=None)
    job = finished(client, post(client, (io.BytesIO(stream.getvalue()), "ome.tif")))
    words = "one of several files that belong together; missing are ../../secret.tif. Upload all"
    assert words in job["items"][0]["message"]


def test_a_set_is_one_image(client: Any, tmp_path: Path) -> None:
    stack = np.zeros((3, 1, 1, 64, 64), np.uint16)
    stack[:, :, :, 20:40, 20:40] = 60000
    paths = write_set(tmp_path, stack, ["t0.ome.tif", "t1.ome.tif", "t2.ome.tif"])
    parts = [(path.read_bytes(), path.name) for path in paths]

    def sent(*some: tuple[bytes, str]) -> list[dict]:
        job = finished(client, post(client, *((io.BytesIO(data), name) for data, name in some)))
        return job["items"]

    (item,) = sent(*reversed(parts))
    assert (item["name"], item["state"], item["planes"]) == ("t0.ome", "done", 3)
    (item,) = sent(*parts[1:])
    assert item["state"] == "failed"
    assert "several files that belong together; missing are t0.ome.tif" in item["message"]


def test_other_pages_can_do_nothing(client: Any) -> None:
    image = np.zeros((9, 9), np.uint8)
    for headers in (
        {},
        {**OWN, "Origin": "http://evil.example"},
        {**OWN, "Origin": "null"},
        {**OWN, "Sec-Fetch-Site": "cross-site"},
    ):
        assert post(client, (tiff(image), "a.tif"), headers=headers).status_code == 403
    same = {**OWN, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    job = finished(client, post(client, (tiff(image), "a.tif"), headers=same))
    assert client.delete(f"/api/jobs/{job['id']}").status_code == 403
    # a name of another's that points here
    assert client.get("/api/models", headers={"Host": "evil.example:5000"}).status_code == 403
    for host in ("127.0.0.1:5000", "[::1]:5000", "LOCALHOST:5000", "192.168.0.7"):
        assert client.get("/api/models", headers={"Host": host}).status_code == 200


def test_files_are_removed(app: Any, client: Any) -> None:
    home = app.extensions["imagej-dl"]._home
    job = finished(client, post(client, (tiff(many(3)), "a.tif")))
    assert list(home.rglob("labels.tif"))
    assert client.delete(f"/api/jobs/{job['id']}", headers=OWN).status_code == 204
    assert not list(home.iterdir())
    assert client.get(f"/api/jobs/{job['id']}").status_code == 404
    post(client, (io.BytesIO(b"x"), "a.py"))
    assert not list(home.iterdir())
    finished(client, post(client, (tiff(many(3)), "a.tif")))
    app.extensions["imagej-dl"].close()
    assert not home.exists()


def test_old_jobs_go(app: Any, client: Any) -> None:
    store = app.extensions["imagej-dl"]
    job = finished(client, post(client, (tiff(many(3)), "a.tif")))
    until(lambda: store.get(job["id"]).ended is not None)
    store.get(job["id"]).ended -= jobs.KEPT + 1
    store.sweep()
    assert store.get(job["id"]) is None
    assert not list(store._home.iterdir())


def test_the_page_answers_while_an_image_is_segmented(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def slow(*given: Any, progress: Any, **_: Any) -> Any:
        for i in range(2000):
            progress("predict", i, 2000)
            if ended.wait(0.05):
                break
        return bright(*given, progress=progress)

    monkeypatch.setattr("imagej_dl.prediction.predict", slow)
    first = post(client, (tiff(many(3)), "a.tif")).json
    second = post(client, (tiff(many(3)), "b.tif")).json
    states = [client.get(f"/api/jobs/{job['id']}").json["items"][0] for job in (first, second)]
    assert states[0]["state"] in ("waiting", "working")  # answered meanwhile
    assert states[1]["state"] == "waiting"  # one at a time
    # removed while it is worked on: it ends, and the next begins
    assert client.delete(f"/api/jobs/{first['id']}", headers=OWN).status_code == 204
    for _ in range(200):
        if client.get(f"/api/jobs/{second['id']}").json["items"][0]["state"] != "waiting":
            break
        time.sleep(0.05)
    ended.set()
    for _ in range(100):
        if client.get(f"/api/jobs/{second['id']}").json["finished"]:
            break
        time.sleep(0.1)
    assert client.get(f"/api/jobs/{second['id']}").json["items"][0]["objects"] == 3


@pytest.mark.parametrize(
    ("given", "stem"),
    [
        ("../../etc/passwd.tif", "passwd"),
        ("C:\\x\\cell.tif", "cell"),
        (".hidden.png", "hidden"),
        ("a\x00b<script>.tif", "a_b_script_"),
        ("CON.tif", "_CON"),
        ("...tif.tif", "tif"),
        ("Zelle_ä µ.tif", "Zelle_ä µ"),
    ],
)
def test_names(given: str, stem: str) -> None:
    assert safe_name(given)[0] == stem


def test_names_without_a_known_suffix() -> None:
    for name in ("a.pkl", "a.keras", "a.zip", "a", "", None, "a.tif.exe"):
        with pytest.raises(UserError, match="is not an image of a known"):
            safe_name(name)
    assert unlike("a", ["A", "a_2"]) == "a_3"
    accepted = registry.upload_suffixes()
    assert {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".stk"} <= set(accepted)
    assert not {".czi", ".nd2", ".zarr"} & set(accepted)  # whose readers are code of others


def test_no_models(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model"):
        application(tmp_path)
    with pytest.raises(UserError, match="there is no such folder"):
        application(tmp_path / "x")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000 (Ctrl-C"),
        ("::1", "http://[::1]:5000 (Ctrl-C"),
        ("0.0.0.0", "http://localhost:5000; from other machines"),
        ("::", "http://localhost:5000; from other machines"),
    ],
)
def test_an_address_to_type_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    host: str,
    said: str,
) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "config.json").write_text("{}")
    asked = []

    def listen(app: Any, *where: object) -> None:
        asked.append(where)
        app.extensions["imagej-dl"].close()

    monkeypatch.setattr("imagej_dl.web.listen", listen)
    Serve(models=tmp_path, host=host).run(silent)
    assert asked == [(host, 5000)]
    assert said in capsys.readouterr().out


@pytest.fixture
def slow(app: Any, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make each image take until the event is set; it is seen at each step of the progress."""
    go = threading.Event()

    def wait(bundle: Any, image: Any, progress: Any, **_: Any) -> Any:
        for _ in range(600):
            progress("predict", 1, 4)
            if go.wait(0.02):
                break
        return bright(bundle, image, progress)

    monkeypatch.setattr("imagej_dl.prediction.predict", wait)
    return go


def until(said: Any) -> None:
    for _ in range(300):
        if said():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_one_foreign_file_does_not_lose_the_upload(client: Any) -> None:
    files = [(tiff(many(3)), "a.tif"), (io.BytesIO(b"x"), "notes.docx"), (io.BytesIO(b""), "e.tif")]
    job = finished(client, post(client, *files))
    states = {item["name"]: (item["state"], item["message"]) for item in job["items"]}
    assert states["a"] == ("done", "")
    assert states["notes.docx"][0] == states["e"][0] == "failed"
    assert "is not an image of a known format. Known are .tif" in states["notes.docx"][1]
    names = zipfile.ZipFile(
        io.BytesIO(client.get(f"/api/jobs/{job['id']}/all.zip").data)
    ).namelist()
    assert "a_labels.tif" in names


def test_removing_while_it_is_at_work(app: Any, client: Any, slow: threading.Event) -> None:
    home = app.extensions["imagej-dl"]._home
    first = post(client, (tiff(many(3)), "a.tif"), (tiff(many(3)), "b.tif")).json["id"]
    second = post(client, (tiff(many(3)), "c.tif")).json["id"]
    until(lambda: client.get(f"/api/jobs/{first}").json["items"][0]["done"] == 0.25)
    working = client.get(f"/api/jobs/{first}").json
    assert (working["items"][0]["state"], working["ahead"]) == ("working", 0)
    assert client.get(f"/api/jobs/{second}").json["ahead"] == 2
    # One that waits goes at once, one at work as soon as it can be stopped.
    assert client.delete(f"/api/jobs/{second}", headers=OWN).status_code == 204
    assert len(list(home.iterdir())) == 1
    assert client.delete(f"/api/jobs/{first}", headers=OWN).status_code == 204
    until(lambda: not list(home.iterdir()))
    slow.set()
    assert finished(client, post(client, (tiff(many(3)), "d.tif")))["items"][0]["state"] == "done"


def test_limits_of_planes_time_and_queue(
    tmp_path: Path, client: Any, slow: threading.Event
) -> None:
    made = application(tmp_path / "models", planes=3, minutes=0.1 / 60, waiting=2)
    try:
        other = made.test_client()
        long = np.zeros((4, 9, 9), np.uint8)
        job = finished(other, post(other, (tiff(long, "TYX"), "long.tif")))
        assert "has 4 planes, and at most 3 are allowed" in job["items"][0]["message"]
        job = finished(other, post(other, (tiff(many(3)), "slow.tif")))
        assert "took longer than the 0.00166667 minutes" in job["items"][0]["message"]
        made.extensions["imagej-dl"].limits = jobs.Limits(2**20, minutes=1, waiting=2)
        held = post(other, (tiff(many(3)), "a.tif"), (tiff(many(3)), "b.tif"))
        until(lambda: other.get(f"/api/jobs/{held.json['id']}").json["items"][0]["seconds"] >= 0)
        until(lambda: other.get(f"/api/jobs/{held.json['id']}").json["items"][0]["done"])
        refused = post(other, (tiff(many(3)), "c.tif"), (tiff(many(3)), "d.tif"))
        assert refused.status_code == 400
        assert "1 images are waiting, and at most 2 can wait" in refused.json["error"]
        slow.set()
        assert finished(other, held)
    finally:
        made.extensions["imagej-dl"].close()


def test_uploads_go_where_nobody_comes_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    monkeypatch.setattr(jobs, "KEPT", 0.3)
    made = application(tmp_path / "models")
    try:
        other = made.test_client()
        finished(other, post(other, (tiff(many(3)), "a.tif")))
        home = made.extensions["imagej-dl"]._home
        until(lambda: not list(home.iterdir()))
    finally:
        made.extensions["imagej-dl"].close()


def test_a_job_of_before_a_restart_says_so(app: Any, client: Any) -> None:
    job = finished(client, post(client, (tiff(many(3)), "a.tif")))
    answer = client.get("/api/jobs/abcdef.0123456789")
    assert answer.status_code == 404
    assert "was restarted since this upload" in answer.json["error"]
    client.delete(f"/api/jobs/{job['id']}", headers=OWN)
    assert "has expired after an hour" in client.get(f"/api/jobs/{job['id']}").json["error"]
