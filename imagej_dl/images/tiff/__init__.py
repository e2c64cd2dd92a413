"""TIFF files as ImageJ reads and writes them, with all that OME and Micro-Manager put into them."""

SUFFIXES = (".tif", ".tiff")
"""The suffixes of TIFF files, in lower case; OME-TIFF has .ome before them."""
