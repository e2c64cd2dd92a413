"""What a file declares is compared with what it holds; what is missing is said, with numbers."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from cut_layouts import STACK, write_micromanager
from metamorph import write_stk
from ome_sets import movie, ome, pixels, write_pages, write_set

from imagej_dl import images
from imagej_dl.errors import DataWarning, UserError
from imagej_dl.images import memory_maps
from imagej_dl.images.checks.missing_planes import compare_planes
from imagej_dl.images.tiff import reading


def read(path: Path, *words: str, scene: int | None = None) -> np.ndarray:
    """Read an image of which just these words are said; all axes of it in one."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        image = images.read(path, scene=scene)
    texts = [str(w.message) for w in said]
    assert len(texts) == len(words), texts
    for word, text in zip(words, texts, strict=True):
        assert text.startswith(f"{path}: "), text
        assert re.search(word, text), text
    return image.values


@pytest.fixture
def faults(shared_data: Path) -> Path:
    return shared_data / "faults" / "incomplete"


def test_an_acquisition_that_stopped(faults: Path) -> None:
    words = "its OME-XML declares 10 frames, and the file has 4: the other 6 are left out"
    found = read(faults / "stopped.ome.tif", words)
    assert found.shape == (4, 32, 40)
    assert found.any((1, 2)).all()


def test_a_dropped_frame_is_named(faults: Path) -> None:
    words = "frame 6 of the 10 frames declared by Micro-Manager's summary is missing, and left"
    found = read(faults / "gap_MMStack_Default.ome.tif", words)
    assert found.any((1, 2)).tolist() == [frame != 5 for frame in range(10)]


def test_movies_cut_by_a_copy(faults: Path) -> None:
    words = "ImageJ's description declares 6 frames, and the file has 3: the other 3"
    assert read(faults / "ij_cut.tif", words).shape == (3, 64, 64)
    with pytest.raises(UserError, match=r"ome_cut\.ome\.tif: .*truncated.* Copy it again"):
        images.read(faults / "ome_cut.ome.tif")


def test_sizes_that_only_the_header_has(shared_data: Path) -> None:
    folder = shared_data / "faults" / "attack"
    words = "declares 9 frames, and the file has 3: the other 6 are left out"
    for name in ("ij_9_of_which_3.tif", "ome_9_of_which_3.ome.tif"):
        assert read(folder / name, words).shape == (3, 64, 64)
    for name in ("labels_movie_truncated.tif", "movie_truncated.tif"):
        assert len(read(folder / name, "declares 12 frames, and the file has 6")) == 6
    words = "declares 1000000 frames, and the file has 1: the other 999999 are left out"
    assert read(folder / "ome_T1e6.tif", words).shape == (10, 10)


def test_what_is_kept_of_what_is_declared() -> None:
    """Frames at the end go, holes stay, and a stop within a frame takes the frame with it."""
    assert compare_planes("TZC", (3, 2, 2), range(12), "it").notes == []
    found = compare_planes("TZC", (5, 2, 2), range(10), "it")
    assert (found.shape, len(found.places)) == ((2, 2, 2), 8)
    assert (
        "5 frames, and the file has 2: the other 3 are left out (of the next, 2 of 4"
        in (found.notes[0])
    )
    found = compare_planes("TZC", (4, 2, 2), [p for p in range(16) if p not in (4, 5, 6, 7)], "it")
    assert found.notes == ["frame 2 of the 4 frames declared by it is missing, and left black"]
    found = compare_planes("TZC", (4, 2, 2), [p for p in range(16) if p not in (1, 14)], "it")
    assert found.shape == (4, 2, 2)
    assert "2 planes (frame 1 slice 1 channel 2, frame 4 slice 2 channel 1)" in found.notes[0]
    # A channel that was never recorded, and slices that end in every frame.
    assert compare_planes("TZC", (4, 2, 2), range(0, 16, 2), "it").shape == (4, 2, 1)
    assert compare_planes("TZC", (2, 3, 1), [0, 1, 3, 4], "it").shape == (2, 2, 1)
    # Within the first frame.
    found = compare_planes("TZC", (4, 3, 1), [0, 1], "it")
    assert found.shape == (1, 3, 1)
    assert "slice 3" in found.notes[1]
    with pytest.raises(ValueError, match="none of them"):
        compare_planes("TZC", (4, 3, 1), [], "it")
    with pytest.raises(ValueError, match="only 2"):
        compare_planes("TZC", (1000, 1, 1), [0, 999], "it")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("text", "pages", "frames", "words"),
    [
        ("images=9\nframes=9", 6, 6, "declares 9 frames, and the file has 6: the other 3"),
        ("images=9\nslices=9", 6, 6, "declares 9 slices, and the file has 6: the other 3"),
        ("images=4\nframes=4", 6, 4, "the file has 2 more planes than the 4 that ImageJ's"),
        (
            "images=9\nframes=6",
            6,
            6,
            "images=9, and 1 × 1 × 6 .channels × slices × frames.: the latter",
        ),
        ("images=3\nframes=6", 6, 6, "images=3, and 1 × 1 × 6 .channels"),
        ("images=6\nframes=4", 6, 6, "has 6 planes, which are not 1 × 1 × 4"),
        ("images=6\nframes=8", 6, 6, "has 6 planes, which are not 1 × 1 × 8"),
        ("images=6\nframes=-6", 6, 6, "declares frames=-6, which is left out"),
        ("images=6\nframes=many", 6, 6, "declares frames=many, which is left out"),
        ("images=12\nchannels=2\nframes=6", 7, 3, r"declares 6 frames, .* has 3.*1 of 2 planes"),
        ("images=6", 6, 6, ""),
        ("images=6\nframes=6\norder=tcz", 6, 6, ""),
        ("images=6\nframes=6\norder=abc", 6, 6, "has the order abc, which is unknown"),
    ],
)
def test_imagejs_description(
    tmp_path: Path, text: str, pages: int, frames: int, words: str, packed: bool
) -> None:
    path = tmp_path / "a.tif"
    stack = movie(pages)[:, 0, 0]
    text = f"ImageJ=1.54p\n{text}\nhyperstack=true\n"
    if packed:
        write_pages(path, stack, text, compression="zlib")
    else:
        write_pages(path, stack[:1], text)
        with path.open("ab") as file:
            file.write(stack[1:].tobytes())
    found = read(path, *[words] if words else [])
    wanted = stack[:frames] if "channels" not in text else stack[:6].reshape(3, 2, 9, 11)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("pages", "sizes", "words", "frames"),
    [
        (6, {}, "", 6),
        (6, {"T": 10}, "declares 10 frames, and the file has 6", 6),
        (6, {"Z": 3}, "declares 3 slices, and the file has 1: the other 2", 6),
        (6, {"C": 2}, "declares 2 channels, and the file has 1", 6),
        (6, {"X": 12}, "declares 12 × 9 pixels, and its pages have 11 × 9", 0),
        (6, {"T": 0}, "has a SizeT of 0", 0),
    ],
)
def test_sizes_of_ome(tmp_path: Path, pages: int, sizes: dict, words: str, frames: int) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(pages)
    data = "".join(f'<TiffData IFD="{t}" FirstT="{t}"/>' for t in range(pages))
    write_pages(path, stack[:, 0, 0], ome(pixels(stack, data, sizes=sizes)))
    if not frames:
        with pytest.raises(UserError, match=words):
            images.read(path)
        return
    np.testing.assert_array_equal(read(path, *[words] if words else []), stack[:frames, 0, 0])


def test_pages_that_ome_does_not_name(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(6)
    data = '<TiffData IFD="0" PlaneCount="4"/>'
    write_pages(path, stack[:, 0, 0], ome(pixels(stack[:4], data)))
    found = read(path, "the file has 2 pages that its OME-XML does not name: left out")
    np.testing.assert_array_equal(found, stack[:4, 0, 0])


def test_ome_that_names_pages_in_any_order_or_twice(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(4, 2)
    order = [5, 0, 7, 2, 4, 6, 1, 3]
    planes = stack.reshape(8, 9, 11)
    data = "".join(
        f'<TiffData IFD="{order.index(p)}" FirstT="{p // 2}" FirstC="{p % 2}" PlaneCount="1"/>'
        for p in range(8)
    )
    write_pages(path, [planes[p] for p in order], ome(pixels(stack, data)))
    np.testing.assert_array_equal(read(path), stack[:, 0])
    data = "".join(f'<TiffData IFD="{t // 2}" FirstT="{t}"/>' for t in range(4))
    write_pages(path, stack[:2, 0, 0], ome(pixels(stack[:, :, :1], data)))
    words = "its OME-XML names the same page for several planes, 2 times"
    assert len(read(path, words)) == 4
    data = '<TiffData IFD="0" FirstT="9"/><TiffData IFD="1" FirstT="1"/><TiffData IFD="0"/>'
    write_pages(path, stack[:2, 0, 0], ome(pixels(stack[:2, :, :1], data)))
    assert len(read(path, "names a plane beyond the sizes")) == 2


def test_channels_in_the_samples_of_pages(tmp_path: Path) -> None:
    """Of colours OME's XML may say three channels, or one of three samples."""
    colours = np.random.default_rng(0).integers(1, 255, (9, 11, 3), np.uint8)
    for channels in ('<Channel ID="c" SamplesPerPixel="3"/>', "", '<Channel ID="c"/>' * 3):
        sizes = "".join(f' Size{a}="{n}"' for a, n in zip("TZCYX", (1, 1, 3, 9, 11), strict=True))
        text = (
            f'<Image><Pixels DimensionOrder="XYCZT" Type="uint8"{sizes}>{channels}'
            '<TiffData IFD="0"/></Pixels></Image>'
        )
        path = tmp_path / "a.ome.tif"
        tifffile.imwrite(path, colours, photometric="rgb", description=ome(text), metadata=None)
        np.testing.assert_array_equal(read(path), np.moveaxis(colours, -1, 0))


def test_pyramids_are_no_planes(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(3)[:, 0, 0]
    with tifffile.TiffWriter(path, ome=True) as file:
        tiles = {"tile": (16, 16), "compression": "zlib"}
        file.write(stack, subifds=1, metadata={"axes": "TYX"}, **tiles)
        file.write(stack[:, ::2, ::2], subfiletype=1, metadata=None, **tiles)
    np.testing.assert_array_equal(read(path), stack)
    assert len(images.scenes_of(path)) == 1


def test_pages_of_other_sizes_are_not_read_as_the_first(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(3)
    data = "".join(f'<TiffData IFD="{t}" FirstT="{t}"/>' for t in range(3))
    planes = [stack[0, 0, 0], stack[1, 0, 0].reshape(11, 9), stack[2, 0, 0]]
    write_pages(path, planes, ome(pixels(stack, data)))
    with pytest.raises(UserError, match=r"page 2 has 11 × 9 pixels .* page 1 of the same image 9"):
        images.read(path)
    write_pages(path, planes, "ImageJ=1.54p\nimages=3\nframes=3\n", compression="zlib")
    with pytest.raises(UserError, match="page 2 has 11 × 9 pixels"):
        images.read(path)


def test_ome_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(3)
    write_pages(path, stack[:, 0, 0], "<OME>what</OME")
    read(path)
    write_pages(path, stack[:, 0, 0], "<OME><Image></OME>")
    read(path, "its OME-XML is no XML: axes and sizes are not known")
    write_pages(path, stack[:, 0, 0], "<OME></OME>")
    read(path, "its OME-XML names none of its pages: axes and sizes are not known")


def test_the_type_of_pixels_is_compared(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.ome.tif", movie(2)
    text = ome(pixels(stack, '<TiffData IFD="0" PlaneCount="2"/>'))
    write_pages(path, stack[:, 0, 0], text.replace('"uint16"', '"int16"'))
    words = "declares pixels of type int16, and its pages have uint16"
    np.testing.assert_array_equal(read(path, words), stack[:, 0, 0])
    for kind, name in ((np.float32, "float"), (np.float64, "double"), (np.int8, "int8")):
        planes = stack[:, 0, 0].astype(kind)
        write_pages(path, planes, text.replace('"uint16"', f'"{name}"'))
        read(path)


def test_parts_that_a_program_left_out_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, tile=(16, 16), metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path, mode="r+") as file:
        for number, lost in ((1, [2]), (4, range(4))):
            tag = file.pages[number].aspage().tags["TileOffsets"]
            tag.overwrite([0 if i in lost else n for i, n in enumerate(tag.value)])
    said = [
        "page 5 of the 6 pages declared by its header is missing, and left black",
        "1 part of its planes is empty in the file, and left black",
    ]
    found = read(path, *said)
    assert not found[4].any()
    assert not found[1, 16:, :16].any()
    np.testing.assert_array_equal(found[1, :16], STACK[1, :16])
    np.testing.assert_array_equal(found[[0, 2, 3, 5]], STACK[[0, 2, 3, 5]])


def test_planes_of_metamorph(tmp_path: Path) -> None:
    path = tmp_path / "a.stk"
    write_stk(path, STACK, interval=1000)
    data = path.read_bytes()
    # Its pixels end early, its tags are behind them elsewhere: as a disk that was full.
    with tifffile.TiffFile(path) as file:
        place = file.pages.first.tags["StripOffsets"].valueoffset
    moved = bytearray(data)
    moved[place : place + 4] = (len(data) - 2 * STACK[0].nbytes - 10).to_bytes(4, "little")
    path.write_bytes(moved)
    found = read(path, "its header declares 6 frames, and the file has 2: the other 4")
    assert found.shape == (2, 24, 32)


def test_positions_of_micromanager(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "faults" / "sets"
    for name, sizes in (
        ("twopos", {"T": 3, "Y": 32, "X": 48}),
        ("twoposz", {"T": 3, "Z": 2, "Y": 32, "X": 48}),
    ):
        path = folder / f"{name}_MMStack_Default.ome.tif"
        assert [s.suffix for s in images.scenes_of(path)] == ["_Pos0", "_Pos1"]
        first, second = images.read(path, scene=1), images.read(path, scene=2)
        assert dict(first.sizes) == dict(second.sizes) == sizes
        assert not np.array_equal(first, second)
        assert images.calibration(first) == images.Calibration(0.65, 0.65, 1.0, "µm", 30.0)
        with pytest.warns(DataWarning, match="holds 2 scenes"):
            np.testing.assert_array_equal(images.read(path), first)
        with tifffile.TiffFile(path) as file:
            pages = np.array([page.asarray() for page in file.pages])
        np.testing.assert_array_equal(first.values.reshape(-1, 32, 48), pages[: len(pages) // 2])
        np.testing.assert_array_equal(second.values.reshape(-1, 32, 48), pages[len(pages) // 2 :])


def test_micromanager_of_any_order_and_its_ome(tmp_path: Path) -> None:
    path = tmp_path / "a_MMStack_Default.ome.tif"
    random = np.random.default_rng(0)
    stack = random.integers(1, 60000, (2, 3, 2, 2, 9, 11)).astype(np.uint16)
    places = [(t, z, c, r) for r, t, z, c in np.ndindex(stack.shape[:4])]
    random.shuffle(places)
    planes = {tuple(map(int, p)): stack[p[3], p[0], p[1], p[2]] for p in places}
    text = ome(
        "".join(pixels(stack[r], '<TiffData IFD="0"/>', r, f"P{r}") for r in range(2))
    ).replace("0.5", "0.7")
    write_micromanager(path, planes, text, Frames=3, Slices=2, Channels=2, Positions=2)
    for number in range(2):
        image = images.read(path, scene=number + 1)
        assert image.dims == ("T", "C", "Z", "Y", "X")
        np.testing.assert_array_equal(image.transpose("T", "Z", "C", "Y", "X"), stack[number])
        assert image.attrs["pixel_width"] == 0.7
    del planes[2, 1, 1, 1]
    write_micromanager(path, planes, Frames=3, Slices=2, Channels=2, Positions=3)
    words = (
        "declares 3 positions, and 2 of them are here",
        "declares 3 frames, and the file has 2",
    )
    assert read(path, *words, scene=2).shape == (2, 2, 2, 9, 11)


def test_czi_frames_that_lack(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw (the extra czi)")
    path = tmp_path / "a.czi"
    with library.create_czi(str(path)) as file:
        for t, z in ((0, 0), (0, 1), (1, 0), (1, 1), (3, 0), (3, 1), (4, 0)):
            plane = np.full((8, 9, 1), 10 * t + z + 1, np.uint16)
            file.write(plane, plane={"T": t, "C": 0, "Z": z})
        file.write_metadata("a")
    said = (
        "declares 5 frames, and the file has 4: the other is left out .of the next, 1 of 2",
        "frame 3 of the 4 frames declared by its metadata is missing, and left black",
    )
    found = read(path, *said)
    assert found[:, :, 0, 0].tolist() == [[1, 2], [11, 12], [0, 0], [31, 32]]


def test_a_czi_that_is_mostly_nothing_is_refused(tmp_path: Path) -> None:
    library = pytest.importorskip("pylibCZIrw.czi", reason="needs pylibCZIrw (the extra czi)")
    path = tmp_path / "a.czi"
    with library.create_czi(str(path)) as file:
        for x in (0, 10**6):
            plane = np.ones((8, 9, 1), np.uint16)
            file.write(plane, plane={"T": 0, "C": 0, "Z": 0}, location=(x, x))
        file.write_metadata("a")
    with pytest.raises(UserError, match=r"a\.czi: .*declares 1000009 × 1000008 pixels"):
        images.read(path)
    path.unlink()
    with library.create_czi(str(path)) as file:
        for t in (0, 10**8):
            file.write(np.ones((8, 9, 1), np.uint16), plane={"T": t, "C": 0, "Z": 0})
        file.write_metadata("a")
    with pytest.raises(UserError, match=r"a\.czi: .*of these 100000001 planes the file has only 2"):
        images.read(path)


def test_planes_that_nothing_declares(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", movie(4)[:, 0, 0]
    tifffile.imwrite(path, stack[0], metadata=None)
    np.testing.assert_array_equal(read(path), stack[0])
    with path.open("ab") as file:
        file.write(stack[1:].tobytes())
    words = "has room for 3 more planes, which are not declared: left out"
    np.testing.assert_array_equal(read(path, words), stack[0])


def test_depths_of_metamorph_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.stk"
    write_stk(path, STACK, apart=0.5)
    data = bytearray(path.read_bytes())
    at = data.index(STACK.astype("<u2").tobytes()) + STACK.nbytes
    for plane in range(6):  # 0.5 is 500 of 1000: of 0 there is no distance
        data[at + 24 * plane + 4 : at + 24 * plane + 8] = bytes(4)
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert images.read(path).attrs["pixel_depth"] == 1.0


def test_pages_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path, stack = tmp_path / "a.tif", movie(4)[:, 0, 0]
    write_pages(path, stack, "", rowsperstrip=4)
    with tifffile.TiffFile(path) as file:
        place = file.pages[2].aspage().tags["BitsPerSample"].offset
    data = bytearray(path.read_bytes())
    data[place + 4 : place + 8] = bytes(4)  # of no number: tifffile ends there without a word
    path.write_bytes(data)
    words = "2 of its 4 pages cannot be read, and are left out"
    np.testing.assert_array_equal(read(path, words), stack[:2])


def test_what_is_kept_is_mapped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large movie that was cut the whole frames lie in the file, and are not loaded."""
    monkeypatch.setattr(reading, "_MAP_ABOVE", 100)
    stack = movie(6)
    images.write(images.make(stack[:, 0, 0], "TYX"), tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: len(data) // 2])
    tifffile.imwrite(tmp_path / "b.ome.tif", stack[:, 0, 0], metadata={"axes": "TYX"})
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        text = str(file.ome_metadata)
    tifffile.tiffcomment(tmp_path / "b.ome.tif", text.replace('SizeT="6"', 'SizeT="9"').encode())
    for name in ("a.tif", "b.ome.tif"):
        with pytest.warns(DataWarning, match="frames, and the file has"):
            image = images.read(tmp_path / name, mapped=True)
        assert memory_maps.mapped(image.data)
        np.testing.assert_array_equal(image, stack[: len(image), 0, 0])
    # Of several files nothing is mapped, also where their pages would follow each other.
    paths = write_set(tmp_path, stack, [f"t{t}.ome.tif" for t in range(6)])
    np.testing.assert_array_equal(images.read(paths[2], mapped=True), stack[:, 0, 0])


@pytest.mark.parametrize("pages", [1, 3])
def test_planes_and_axes_that_only_tifffiles_description_has(tmp_path: Path, pages: int) -> None:
    path = tmp_path / "shaped.tif"
    words = '{"shape": [5, 8, 8], "axes": "TYX"}'
    with tifffile.TiffWriter(path) as file:
        for i in range(pages):
            plane = np.full((8, 8), i + 1, np.uint8)
            file.write(plane, description=words if i == 0 else None, metadata=None)
    left = f"header declares 5 frames, and the file has {pages}: the other {5 - pages} are left"
    found = read(path, left)
    assert found.reshape(pages, -1)[:, 0].tolist() == list(range(1, pages + 1))
