"""The report: one HTML file that holds its pictures, to be opened anywhere and sent by mail."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imagej_dl.filesystem.atomic import atomic, refuse_existing
from imagej_dl.report.pictures import Picture, png

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.7rem} h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccc}
figure{margin:1rem 0} img{max-width:100%;image-rendering:pixelated} figcaption{color:#555}
table{border-collapse:collapse;margin:1rem 0} td,th{padding:.2rem .9rem;text-align:right;
border-bottom:1px solid #ddd} td:first-child{text-align:left}
code{background:#f2f2f2;padding:0 .2rem}
"""


@dataclass
class Step:
    """One step of the chain: what was done (with the command that does it), shown and measured.

    A picture is RGB pixels, or a film as the bytes of a GIF.
    """

    title: str
    text: str = ""
    command: str = ""
    seconds: float = 0.0
    pictures: list[tuple[Picture | bytes, str]] = field(default_factory=list)
    figures: Mapping[str, object] = field(default_factory=dict)


def write(path: Path, title: str, steps: Sequence[Step], overwrite: bool = False) -> None:
    """Write the report of the steps as one HTML file."""
    refuse_existing(path, overwrite)
    body = [f"<h1>{html.escape(title)}</h1>", *(_section(n, s) for n, s in enumerate(steps, 1))]
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _section(number: int, step: Step) -> str:
    parts = [f"<h2>{number}. {html.escape(step.title)} ({step.seconds:.1f} s)</h2>"]
    if step.text:
        parts.append(f"<p>{html.escape(step.text)}</p>")
    if step.command:
        parts.append(f"<p><code>{html.escape(step.command)}</code></p>")
    for picture, caption in step.pictures:
        parts.append(_figure(picture, caption))
    if step.figures:
        rows = "".join(
            f"<tr><td>{html.escape(key)}</td><td>{html.escape(_number(value))}</td></tr>"
            for key, value in step.figures.items()
        )
        parts.append(f"<table>{rows}</table>")
    return "".join(parts)


def _figure(picture: Picture | bytes, caption: str) -> str:
    text = html.escape(caption)
    if isinstance(picture, bytes):
        return _image("gif", picture, text)
    # Small pictures are enlarged by whole pixels, so that pixels stay to be seen.
    enlarge = max(1, 900 // max(picture.shape[1], 1)) if picture.shape[1] < 600 else 1
    return _image("png", png(picture, min(enlarge, 3)), text)


def _image(kind: str, data: bytes, text: str) -> str:
    coded = base64.b64encode(data).decode()
    return (
        f'<figure><img alt="{text}" src="data:image/{kind};base64,{coded}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
