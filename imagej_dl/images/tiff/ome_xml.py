"""The images that OME-XML declares, with their sizes and the file and page of each plane."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from imagej_dl.filesystem import safe_xml
from imagej_dl.images.tiff import image_description

_REMEDY = "Save it again as TIFF in ImageJ."


@dataclass(frozen=True)
class Block:
    """Pages that follow each other, in a file, and the planes they are.

    Attributes
    ----------
    first : place of the first plane among those of the image.
    count : how many there are; None: all pages of the file from `page` on.
    page : of the first plane in its file, from 0.
    file : its name; "" where it is the file that has the XML.
    uuid : of that file, as the XML states it, or "".
    """

    first: int
    count: int | None
    page: int
    file: str
    uuid: str


@dataclass(frozen=True)
class Image:
    """One image of the XML.

    Attributes
    ----------
    number : its place among all, from 0.
    axes, shape : of the planes, without those within a plane; the last runs first.
    samples : of each pixel of a page.
    size : height and width.
    kind : pixel type, as the XML states it, or "".
    """

    number: int
    name: str
    axes: str
    shape: tuple[int, ...]
    samples: int
    size: tuple[int, int]
    kind: str = ""
    blocks: list[Block] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse(text: str, path: Path) -> ET.Element | None:
    """Return the root element of OME-XML; None for text that is no XML."""
    safe_xml.check(text, path, _REMEDY)
    try:
        return ET.fromstring(text)
    except ET.ParseError:
        return None


def metadata_file(root: ET.Element) -> str | None:
    """Return the name of the file with the XML of a set (BinaryOnly); None where it is here."""
    element = root.find("{*}BinaryOnly")
    return None if element is None else element.get("MetadataFile", "")


def images(root: ET.Element, samples: int = 1) -> Iterator[Image]:
    """Yield the images that the XML declares.

    Parameters
    ----------
    samples : per pixel of the pages, for XML that does not state that its channels are the
        samples.

    Raises
    ------
    ValueError, KeyError : when it does not say their sizes.
    """
    number, alone = 0, len(root.findall("{*}Image")) == 1
    for element in root.iterfind("{*}Image"):
        for pixels in element.iterfind("{*}Pixels"):
            image = _image(number, element.get("Name") or "", pixels, samples)
            if alone and not image.blocks:
                # OME's older writers leave it out where all pages follow in order.
                image.blocks.append(Block(0, None, 0, "", ""))
            yield image
            number += 1


def _image(number: int, name: str, pixels: ET.Element, hint: int) -> Image:
    axes = "".join(reversed(pixels.attrib["DimensionOrder"]))[:-2]
    if sorted(axes) != ["C", "T", "Z"]:
        raise ValueError(f"its OME-XML has the order {pixels.get('DimensionOrder')}")
    sizes = {axis: _size(pixels, axis) for axis in "TZCYX"}
    samples = {int(c.get("SamplesPerPixel") or 1) for c in pixels.iterfind("{*}Channel")} or {1}
    if len(samples) > 1:
        raise ValueError("its channels have different numbers of samples")
    each = samples.pop()
    if each == 1 and hint > 1 and _colours(pixels, sizes, hint):
        each = hint
    if each > 1:
        sizes["C"] = max(sizes["C"] // each, 1)
    shape = tuple(sizes[axis] for axis in axes)
    image = Image(number, name, axes, shape, each, (sizes["Y"], sizes["X"]), pixels.get("Type", ""))
    for data in pixels.iterfind("{*}TiffData"):
        places = [int(data.get(f"First{axis}") or 0) for axis in axes]
        if any(not 0 <= place < n for place, n in zip(places, shape, strict=True)):
            image.notes.append("its OME-XML names a plane beyond the sizes that it declares")
            continue
        first = 0
        for place, n in zip(places, shape, strict=True):
            first = first * n + place
        alone = 1 if "IFD" in data.attrib else 0
        stated = data.get("PlaneCount") or data.get("NumPlanes") or alone
        uuid = data.find("{*}UUID")
        named = "" if uuid is None else uuid.get("FileName", "")
        of_file = "" if uuid is None else (uuid.text or "").strip()
        page = int(data.get("IFD") or 0)
        image.blocks.append(Block(first, int(stated) or None, page, named, of_file))
    return image


def _colours(pixels: ET.Element, sizes: dict[str, int], samples: int) -> bool:
    """Return True if channels that are declared singly are the samples of the pages' pixels."""
    blocks = pixels.findall("{*}TiffData")
    planes = sum(int(block.get("PlaneCount") or 1) for block in blocks)
    first = all(block.get("FirstC", "0") == "0" for block in blocks)
    single = sizes["T"] * sizes["Z"] * sizes["C"] // samples
    return first and sizes["C"] % samples == 0 and planes <= single


def _size(pixels: ET.Element, axis: str) -> int:
    size = int(pixels.attrib[f"Size{axis}"])
    if size < 1:
        raise ValueError(f"its OME-XML has a Size{axis} of {size}")
    return size


class Members:
    """The files that an OME-XML names, looked for in the folder of the file that holds it.

    Parameters
    ----------
    path : the file that has it, or whose pages it describes.
    root : the XML.
    own : the UUID of the file, "" where it has none.
    """

    def __init__(self, path: Path, root: ET.Element, own: str) -> None:
        self.path, self.own = path, own
        names = {
            (uuid.get("FileName", ""), (uuid.text or "").strip())
            for uuid in root.iterfind(".//{*}TiffData/{*}UUID")
        }
        self.names = {name for name, _ in names if name}
        # A file that was renamed, or copied, is still the one that its XML means.
        ids = [uuid for _, uuid in names if uuid]
        self._unlike = len(ids) == len(set(ids))
        self._alone = len(self.names) == 1 and not self._beside(next(iter(self.names)))
        self._by_uuid = bool(self.own) and self._unlike
        self._known: dict[tuple[str, str], Path | None] = {}

    def of(self, block: Block) -> Path | None:
        """Return the file of a block; None where it is not there."""
        key = (block.file, block.uuid)
        if key not in self._known:
            self._known[key] = self._find(*key)
        return self._known[key]

    def _find(self, name: str, uuid: str) -> Path | None:
        if not name or self._alone or name.casefold() == self.path.name.casefold():
            return self.path
        if self._by_uuid and uuid == self.own:
            return self.path
        member = self._beside(name)
        if member is None and uuid and self._unlike:
            member = image_description.find_by_uuid(self.path.parent, uuid)
        return member

    def _beside(self, name: str) -> Path | None:
        """Return a file of the folder, or of one in it; what lies elsewhere is no member."""
        parts = PurePosixPath(name.replace("\\", "/"))
        if not name or parts.is_absolute() or ".." in parts.parts or ":" in name:
            return None
        member = self.path.parent / parts
        return member if member.is_file() else None
