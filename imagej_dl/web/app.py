"""The page and its few addresses, as a Flask application."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagej_dl import images, optional
from imagej_dl.errors import UserError
from imagej_dl.images.formats import registry
from imagej_dl.images.tiff import file_sets
from imagej_dl.models.folder import CONFIG, load_config
from imagej_dl.models.packages.archive import holds_description
from imagej_dl.models.ready import registry as ready
from imagej_dl.prediction.object_scale import scalable
from imagej_dl.prediction.output_kinds import need_objects
from imagej_dl.web import results
from imagej_dl.web.guard import guard
from imagej_dl.web.intake import sorted_out, unlike
from imagej_dl.web.jobs import Item, Job, Jobs, Limits, packed

if TYPE_CHECKING:
    from flask import Flask

MIB = 2**20
UPLOADS = "uploads"
_STATIC = {"page.js": "text/javascript", "page.css": "text/css"}
_FILES = {results.LABELS: "image/tiff", results.ROIS: "application/zip", results.TABLE: "text/csv"}


def models_of(folder: Path | None) -> dict[str, Path]:
    """Return the models of a folder by name, which is one, or holds them; then the ready ones.

    A model of the folder hides the ready one of its name.
    """
    own = {} if folder is None else _in(folder)
    return own | {name: ready.HOME / name for name in ready.names() if name not in own}


def _is_model(path: Path) -> bool:
    return (path / CONFIG).is_file() or holds_description(path)


def _in(folder: Path) -> dict[str, Path]:
    if _is_model(folder):
        return {folder.resolve().stem if folder.is_file() else folder.resolve().name: folder}
    if not folder.is_dir():
        raise UserError("there is no such folder", path=folder)
    inner = sorted(filter(_is_model, folder.iterdir()))
    if not inner:
        raise UserError(
            "holds no model",
            path=folder,
            remedy="Name a folder that was written by imagej-dl train.",
        )
    return {path.name: path for path in inner}


def application(
    models: Path | None = None,
    *,
    upload: int = 500,
    pixels: int = 2048,
    planes: int = 2000,
    minutes: float = 30.0,
    waiting: int = 1000,
    files: int = 200,
    hosts: Any = (),
) -> Flask:
    """Make the application.

    Parameters
    ----------
    models : a model's folder, or one that holds some; the ready models are there in any case.
    upload : MiB that one upload may have.
    pixels : MiB of pixels that one image may have.
    planes, minutes, waiting : planes that one image may have, minutes that it may take, images that
        may wait.
    files : images that one upload may have.
    hosts : names under which it may be asked for besides localhost and addresses in numbers.

    Raises
    ------
    UserError : when there is no model, or Flask is not installed.
    """
    optional.need("flask", "Flask, which serves the page,", "pip install 'imagej-dl[serve]'")
    from flask import Flask, Response, abort, jsonify, request, send_file

    models_of(models)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = upload * MIB
    app.config["MAX_FORM_PARTS"] = files + 10
    app.config["MAX_FORM_MEMORY_SIZE"] = 2**19  # of fields that are no files; a read is 2^16
    jobs = Jobs(Limits(pixels * MIB, planes, minutes, waiting))
    app.extensions["imagej-dl"] = jobs
    guard(app, hosts)
    here = resources.files("imagej_dl.web") / "static"

    @app.errorhandler(UserError)
    def told(error: UserError) -> Any:
        words = error.problem + (f". {error.remedy}" if error.remedy else "")
        return jsonify(error=words), 400

    for code in (400, 403, 404, 405, 413):
        app.register_error_handler(code, _as_json(upload))

    @app.get("/")
    def page() -> Response:
        return Response((here / "page.html").read_text("utf-8"), mimetype="text/html")

    @app.get("/favicon.ico")
    def icon() -> Any:
        return "", 204

    @app.get("/static/<name>")
    def static_file(name: str) -> Response:
        if name not in _STATIC:
            abort(404)
        return Response((here / name).read_text("utf-8"), mimetype=_STATIC[name])

    @app.get("/api/models")
    def known() -> Any:
        described = [_described(name, path) for name, path in models_of(models).items()]
        return jsonify(
            models=described, suffixes=registry.upload_suffixes(), upload=upload, files=files
        )

    @app.post("/api/jobs")
    def begin() -> Any:
        choice = models_of(models).get(request.form.get("model", ""))
        if choice is None:
            raise UserError("there is no model with this name")
        diameter = request.form.get("diameter", "").strip() or None
        if diameter is not None:
            scalable(load_config(choice), diameter)
        given = request.files.getlist("images")
        if not given or len(given) > files:
            raise UserError(f"from 1 to {files} images can be uploaded at once")
        jobs.check_room(len(given))
        names, refused = sorted_out(one.filename for one in given)
        folder = jobs.room()
        try:
            kept: dict[Path, str] = {}
            # The files of a set know each other by their names.
            (folder / UPLOADS).mkdir()
            for one, named in zip(given, names, strict=True):
                if named is None:
                    continue
                name = unlike(named[0], kept.values())
                path = folder / UPLOADS / f"{name}{named[1]}"
                one.save(path)
                kept[path] = name
            uploads = [(kept[path], path) for path in file_sets.one_per_image(list(kept))]
            job = jobs.add(choice, folder, uploads, refused, diameter)
            return jsonify(status_of(job)), 201
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def job_of(identity: str) -> Job:
        return jobs.get(identity) or abort(404, jobs.why_gone(identity))

    def status_of(job: Job) -> dict[str, Any]:
        return {**_status(job), "ahead": jobs.ahead(job)}

    def item_of(identity: str, number: int) -> Item:
        items = job_of(identity).items
        if number >= len(items) or items[number].state != "done":
            abort(404)
        return items[number]

    @app.get("/api/jobs/<identity>")
    def status(identity: str) -> Any:
        return jsonify(status_of(job_of(identity)))

    @app.delete("/api/jobs/<identity>")
    def forget(identity: str) -> Any:
        return ("", 204) if jobs.remove(identity) else abort(404, jobs.why_gone(identity))

    @app.get("/api/jobs/<identity>/<int:number>/overlay.png")
    def overlay(identity: str, number: int) -> Response:
        item = item_of(identity, number)
        plane = request.args.get("plane", 0, type=int)
        if not 0 <= plane < item.summary["planes"]:
            abort(404)
        shown = results.overlay(
            images.read(item.path), images.read(item.folder / results.LABELS), plane
        )
        return Response(shown, mimetype="image/png")

    @app.get("/api/jobs/<identity>/<int:number>/<name>")
    def result(identity: str, number: int, name: str) -> Response:
        item = item_of(identity, number)
        path = item.folder / name
        if name not in _FILES or not path.exists():
            abort(404)
        called = f"{item.name}_{name}"
        return send_file(path, _FILES[name], as_attachment=True, download_name=called)

    @app.get("/api/jobs/<identity>/all.zip")
    def everything(identity: str) -> Response:
        job = job_of(identity)
        if not job.finished:
            abort(404)
        return send_file(packed(job), as_attachment=True, download_name="imagej-dl-results.zip")

    return app


def _as_json(upload: int) -> Any:
    def handler(error: Any) -> Any:
        from flask import jsonify

        words = error.description
        if error.code == 413:
            words = f"an upload can have at most {upload} MiB"
        return jsonify(error=words), error.code

    return handler


def _described(name: str, path: Path) -> dict[str, Any]:
    try:
        config = load_config(path)
        need_objects(config, path)
    except UserError as error:
        return {"name": name, "error": error.problem}
    size = f"{config.pixel_width:.4g} {config.unit}" if config.unit != "pixel" else ""
    found = {"name": name, "kind": config.kind, "channels": config.channels, "pixel": size}
    return found | {"title": ready.card(name).title} if path.parent == ready.HOME else found


def _status(job: Job) -> dict[str, Any]:
    finished = job.finished  # asked first: an image may end while it is told as one at work
    items = [{**item.told(), "rois": (item.folder / results.ROIS).exists()} for item in job.items]
    return {"id": job.id, "finished": finished, "items": items}
