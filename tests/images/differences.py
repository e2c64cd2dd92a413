"""Where images are read otherwise than by ImageJ 1.54p: the one table, of which docs tell too."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch


@dataclass(frozen=True)
class Difference:
    """A difference that is meant.

    Attributes
    ----------
    what : the files, in words.
    theirs, ours : what ImageJ and what imagej-dl makes of them.
    reason : why that is so.
    aspects : in what they may differ: read, axes, type, pixels, size, interval, lut.
    files : patterns of the names of :mod:`layouts`' files.
    """

    what: str
    theirs: str
    ours: str
    reason: str
    aspects: tuple[str, ...]
    files: tuple[str, ...]

    def covers(self, file: str) -> bool:
        return any(fnmatch(file, pattern) for pattern in self.files)


TABLE = (
    Difference(
        "TIFF in tiles, as BigTIFF, compressed with Zstandard or LZMA; 64-bit numbers, 16-bit and "
        "64-bit float; grey of 2 or 4 bits; RGB as float; two samples, or five",
        "does not open them",
        "reads them",
        "The numbers are plain, and Bio-Formats opens them in Fiji.",
        ("read",),
        (
            "tiles_*", "bigtiff_*", "zstd_*", "lzma_*", "type_*int64_*", "type_float16_*",
            "type_float64_*", "bits[24].tif", "bits[24]_*", "palette[24].tif", "chunky_float32*",
            "samples2_*.tif", "samples5_*", "cmyk_uint16*",
        ),
    ),
    Difference(
        "JPEG of printing inks (CMYK)",
        "does not open it",
        "reads it as red, green and blue, with a warning",
        "Viewers show these colours.",
        ("read",),
        ("jpeg_cmyk.jpg",),
    ),
    Difference(
        "BMP, GIF, PGM and PPM",
        "opens them",
        "refuses them: suffix not known",
        "No microscope makes them; ImageJ saves them as TIFF.",
        ("read",),
        ("picture_*",),
    ),
    Difference(
        "TIFF compressed as JPEG, with the floating-point predictor, in 1-bit strips with "
        "PackBits, in planes of 16-bit colours that are compressed, in planes of a movie of "
        "colours or of four samples; grey of 10 bits whose width is no multiple of 4",
        "opens noise, shifted planes or black ends of rows, without a warning",
        "reads what was written",
        "These are errors of ImageJ's reader.",
        ("pixels", "axes"),
        (
            "jpeg_uint8.tif", "jpeg_rgb.tif", "jpeg_ycbcr.tif", "*_float32_predictor.tif",
            "packbits_bool*", "planar_uint16*_*", "movie_planar*", "samples4_planar_uint8*",
            "bits10*",
        ),
    ),
    Difference(
        "signed 8-bit and unsigned 32-bit numbers",
        "shows them as unsigned 8-bit and as signed 32-bit ones",
        "reads the numbers that the file states; ids of label maps up to 2³²−1",
        "The file states which they are.",
        ("type", "pixels"),
        ("type_int8_*", "type_uint32_*", "pages_uint32*", "written_uint32*"),
    ),
    Difference(
        "16-bit colours with a sample of opacity, in TIFF",
        "has it as a fourth channel",
        "leaves it out",
        "Opacity is not a channel of the image, as for 8 bits.",
        ("axes", "pixels"),
        ("samples4_*alpha_uint16*",),
    ),
    Difference(
        "four 8-bit samples of grey, in TIFF",
        "takes three for red, green and blue and drops the fourth",
        "reads four channels",
        "The file does not state that they are colours.",
        ("axes", "pixels"),
        ("samples4_grey_uint8*",),
    ),
    Difference(
        "movie or stack of 16-bit colours, in TIFF",
        "puts the colours one behind the other as slices",
        "reads slices with three channels",
        "A slice has one place along z.",
        ("axes",),
        ("movie_rgb16*",),
    ),
    Difference(
        "PNG with transparency",
        "paints it onto white and makes it RGB, 16 bits to 8",
        "reads the colours, or the grey values, that are in the file, with a warning",
        "What is transparent would become the brightest; a mask would be white all over.",
        ("axes", "type", "pixels"),
        ("greya*.png", "rgba*.png", "*_key.png"),
    ),
    Difference(
        "grey PNG of 1, 2 or 4 bits",
        "holds 0 to 1, 3 or 15 and shows them by a LUT",
        "reads the grey values shown, 0 to 255",
        "PNG's standard scales them so; a mask is 0 and 255 as in TIFF.",
        ("pixels", "lut"),
        ("grey[124].png", "grey[124]_*.png"),
    ),
    Difference(
        "TIFF with the axes in tifffile's own description",
        "opens a stack of slices",
        "reads the axes stated",
        "ImageJ does not know this description.",
        ("axes",),
        ("hyper_*_shaped*",),
    ),
    Difference(
        "uncompressed ImageJ stack with order=zct",
        "keeps to the order of its own stacks, and to the stated one where it is compressed",
        "keeps to the stated order in both",
        "One word means one thing.",
        ("pixels",),
        ("sizes_order_zct.tif",),
    ),
    Difference(
        "OME-TIFF",
        "opens slices; sizes are those of the tags",
        "reads axes, pixel sizes, channels' names and frame interval in OME's XML; the interval "
        "also of the times of the planes (DeltaT)",
        "That is what OME-TIFF is for; Fiji opens it so by Bio-Formats.",
        ("axes", "size", "interval"),
        ("ome_*",),
    ),
    Difference(
        "MetaMorph stack",
        "opens slices",
        "reads pixel size, distance of slices, and whether they are frames and when",
        "The file states them in tags of its own.",
        ("axes", "size", "interval"),
        ("metamorph_*",),
    ),
    Difference(
        "ImageJ TIFF without a unit in its description, but cm or inch in the tags",
        "has the tags' numbers with the unit pixel",
        "has them with the tags' unit",
        "A pixel of 0.000065 pixels is none, and other writers mean the tags.",
        ("size",),
        ("unit_empty_*", "unitless_*"),
    ),
    Difference(
        "ImageJ TIFF whose unit is not in ASCII",
        "shows Âµm or worse",
        "reads µm",
        "Other programs write it so.",
        ("size",),
        ("unit_raw_*",),
    ),
    Difference(
        "a resolution of 0; slice distances of 0, NaN and infinity; frame intervals below 0, NaN "
        "and infinity",
        "takes them, or makes 1 unit of them",
        "leaves them out, with a warning",
        "Nothing can be measured with them.",
        ("size", "interval"),
        (
            "dpi_0_*", "spacing_zero*", "spacing_minus_*", "spacing_nan*", "spacing_inf*",
            "finterval_inf*", "finterval_minus*", "finterval_nan*", "finterval_negative*",
        ),
    ),
    Difference(
        "height or depth of a pixel in a unit that has nothing to do with that of its width, such "
        "as zunit=sec",
        "has a unit for each axis",
        "leaves them out, with a warning; where they are lengths they are converted",
        "An image has one unit here, so that distances are distances.",
        ("size",),
        ("axis_yunit_furlong*", "axis_zunit_alone*", "axis_zunit_pixel*", "axis_zunit_sec*"),
    ),
    Difference(
        "calibration functions of grey values, but for the one of signed 16 bits",
        "shows calibrated values; the pixels stay",
        "reads the pixels, with a warning",
        "A model is trained on pixels; ImageJ's own commands see them so, too.",
        ("pixels",),
        (
            "values_falling_*", "values_line_*", "values_od_uint8*", "values_poly_*",
            "values_power_*", "values_rodbard_*", "values_signed_slope_*", "values_signed_uint8*",
        ),
    ),
    Difference(
        "truncated TIFF",
        "opens what is there; the rest of a plane is black, and so are planes",
        "refuses it, or reads the whole planes, with a warning",
        "Half a plane is not a measurement.",
        ("read", "axes", "pixels"),
        ("cut_*",),
    ),
)  # fmt: skip


def markdown() -> str:
    """Return the table as the docs have it."""
    head = "| File | ImageJ 1.54p | imagej-dl | Why |\n| --- | --- | --- | --- |\n"
    rows = (f"| {d.what} | {d.theirs} | {d.ours} | {d.reason} |\n" for d in TABLE)
    return head + "".join(rows)
