"""The scenes of an OME-TIFF, or of a set of them, from the pages that its XML names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import tifffile

from imagej_dl.images.tiff import image_description, ome_xml, page_chain, partial_series

BY = "its OME-XML"
COMPANION = ".companion.ome"
"""The end of the names of files that hold only the OME-XML of a set."""

# Pixel types whose names in OME and NumPy differ.
_TYPES = {"float": "float32", "double": "float64", "bit": "bool"} | {
    "complex": "complex64",
    "double-complex": "complex128",
}
_XML = (".ome", ".xml")
_LONGEST = 2**28


def scenes(
    path: Path, file: tifffile.TiffFile, chain: page_chain.Chain
) -> list[partial_series.TiffScene]:
    """Return the images of which the file has the first plane, or else any; [] where none.

    Raises
    ------
    ValueError : when the XML does not say the sizes of an image.
    """
    root = ome_xml.parse(file.ome_metadata or "", path)
    if root is None or ome_xml.metadata_file(root) is not None:
        return []
    declared = list(ome_xml.images(root, file.pages.first.samplesperpixel))
    members = ome_xml.Members(path, root, image_description.uuid_in(file.pages.first.description))
    leading = [image for image in declared if _first(image, members) == path]
    own = [i for i in declared if any(members.of(block) == path for block in i.blocks)]
    return [
        partial_series.TiffScene(image.name, partial(_held, image, declared, members, file, chain))
        for image in leading or own
    ]


def external_xml(path: Path, file: tifffile.TiffFile) -> str | None:
    """Return the OME-XML of another file, to which the XML of this file refers.

    None where this file has its own, and where the other file is missing.
    """
    if not file.is_ome or "BinaryOnly" not in (file.ome_metadata or ""):
        return None
    root = ome_xml.parse(file.ome_metadata or "", path)
    name = None if root is None else ome_xml.metadata_file(root)
    return read_xml(path, name) if name else None


def read_xml(path: Path, name: str) -> str | None:
    """Return the OME-XML of the file `name` in the folder of `path`; None where there is none."""
    other = path.parent / Path(name.replace("\\", "/")).name
    if not other.is_file() or other.stat().st_size > _LONGEST:
        return None
    if other.name.lower().endswith(_XML):
        text = other.read_text("utf-8", "replace").strip("\ufeff \n\r\t\0")
    else:
        with tifffile.TiffFile(other) as master:
            text = (master.ome_metadata or "").strip()
    root = ome_xml.parse(text, other)
    usable = root is not None and ome_xml.metadata_file(root) is None and text.endswith("OME>")
    return text if usable else None


def _first(image: ome_xml.Image, members: ome_xml.Members) -> Path | None:
    """Return the file of the first plane, among the files that are there."""
    for block in sorted(image.blocks, key=lambda block: block.first):
        if (member := members.of(block)) is not None:
            return member
    return None


def _held(
    image: ome_xml.Image,
    declared: list[ome_xml.Image],
    members: ome_xml.Members,
    file: tifffile.TiffFile,
    chain: page_chain.Chain,
) -> partial_series.PartialSeries:
    there: dict[int, partial_series.Page] = {}
    notes = list(dict.fromkeys(image.notes))
    total = math.prod(image.shape)
    blocks: dict[Path, list[ome_xml.Block]] = {}
    missing: set[str] = set()
    for block in image.blocks:
        if (member := members.of(block)) is None:
            missing.add(block.file)
        else:
            blocks.setdefault(member, []).append(block)
    first: tifffile.TiffPage | None = None
    twice = 0
    for path, some in blocks.items():
        with _member(path, members, file, chain) as (other, pages):
            notes += _uuid_notes(path, members, other, some)
            key: tifffile.TiffPage | None = None
            used: set[int] = set()
            for place, index in _places(some, pages, total):
                page = page_chain.page_at(other, pages, index, key)
                key = key or page.keyframe
                assert key is not None
                if first is None:
                    notes += _check_size(image, first := key)
                elif (key.shape, key.dtype) != (first.shape, first.dtype):
                    raise ValueError(f"{path.name}, of its set, has pixels of other size or type")
                twice += index in used
                used.add(index)
                if page_chain.is_complete(page):
                    there[place] = page
    if missing:
        names = sorted(missing)
        more = f" and {len(names) - 5} more" if names[5:] else ""
        verb = "is" if len(names) == 1 else "are"
        notes.append(f"{', '.join(names[:5])}{more}, of its set, {verb} not there")
    if twice:
        notes.append(f"{BY} names the same page for several planes, {twice} times")
    if not there:
        notes.append(f"none of the {total} planes that {BY} declares is there")
        if first is not None:
            notes.append(partial_series.describe_missing(first))
        raise ValueError("; ".join(notes))
    result = partial_series.stacked(
        there,
        image.axes,
        image.shape,
        BY,
        file,
        kind="ome",
        name=image.name,
        attr={"image": image.number},
    )
    notes += [*result.notes, *_surplus(declared, members, chain)]
    return partial_series.PartialSeries(result.series, notes)


def _places(
    blocks: list[ome_xml.Block], chain: page_chain.Chain, total: int
) -> Iterator[tuple[int, int]]:
    """Yield the places of planes and the indices of their pages, as far as both exist."""
    for block in blocks:
        number = len(chain.offsets)
        last = number if block.count is None else min(block.page + block.count, number)
        pages = range(max(block.page, 0), last)
        if block.count is None:
            # Previews between the pages are not counted.
            chosen = [page for page in pages if page not in chain.extras]
            yield from zip(range(block.first, total), chosen, strict=False)
        else:
            yield from zip(range(block.first, total), pages, strict=False)


def _check_size(image: ome_xml.Image, page: tifffile.TiffPage) -> list[str]:
    """Refuse pages of another size than declared; return a note where their type differs."""
    height, width = page.imagelength, page.imagewidth
    if (height, width) != image.size:
        raise ValueError(
            f"{BY} declares {image.size[1]} × {image.size[0]} pixels, and its pages have "
            f"{width} × {height}"
        )
    kind = _TYPES.get(image.kind.lower(), image.kind.lower())
    if not kind or page.dtype is None or page.dtype.name == kind:
        return []
    return [f"{BY} declares pixels of type {image.kind}, and its pages have {page.dtype.name}"]


@contextmanager
def _member(
    path: Path, members: ome_xml.Members, file: tifffile.TiffFile, chain: page_chain.Chain
) -> Iterator[tuple[tifffile.TiffFile, page_chain.Chain]]:
    """Open a file of the set; yield it and its chain of pages."""
    if path == members.path:
        yield file, chain
        return
    with tifffile.TiffFile(path) as other:
        yield other, page_chain.read(other)


def _uuid_notes(
    path: Path, members: ome_xml.Members, file: tifffile.TiffFile, blocks: list[ome_xml.Block]
) -> list[str]:
    """Return a note where the file of a name has another UUID than the set states."""
    theirs = image_description.uuid_in(file.pages.first.description)
    if path == members.path or not theirs or theirs in {block.uuid for block in blocks}:
        return []
    return [f"{path.name}, of its set, has another UUID than the set states"]


def _surplus(
    declared: list[ome_xml.Image], members: ome_xml.Members, chain: page_chain.Chain
) -> list[str]:
    """Return a note where pages of the file belong to no image."""
    number = len(chain.offsets)
    named = set(chain.extras)
    for block in (block for image in declared for block in image.blocks):
        if members.of(block) == members.path:
            last = number if block.count is None else block.page + block.count
            named.update(range(block.page, min(last, number)))
    more = number - len(named)
    if not more:
        return []
    pages = f"{more} page{'s' if more > 1 else ''}"
    return [f"the file has {pages} that {BY} does not name: left out"]
