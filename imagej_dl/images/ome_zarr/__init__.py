"""OME-Zarr (NGFF): images, label maps and plates in folders of chunks.

NGFF 0.4 (Zarr 2) and 0.5 (Zarr 3) are read and written. Only zarr-python is needed: the metadata
are a few JSON objects, which :mod:`documents` reads and :mod:`multiscales` compares with the
arrays, with errors that name the file. The libraries for it were looked at: ome-zarr brings Dask,
fsspec and scikit-image and does not compare; ome-zarr-models and yaozarrs validate, with errors
about fields; ngff-zarr reads by Dask.
"""

SUFFIX = ".zarr"
SUFFIXES = (SUFFIX,)
INSTALL = "pip install 'imagej-dl[zarr]'"
KEY = "imagej_dl"
"""Attribute of a group with what imagej-dl itself says of it."""
