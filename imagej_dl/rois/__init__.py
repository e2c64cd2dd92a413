"""ROIs: ImageJ's .roi and RoiSet.zip files, their pixels as ImageJ fills them, and the way back."""

from imagej_dl.rois.archive import read, write
from imagej_dl.rois.decoder import decode
from imagej_dl.rois.encoder import encode
from imagej_dl.rois.masks import mask
from imagej_dl.rois.roi import Looks, Roi

__all__ = ["Looks", "Roi", "decode", "encode", "mask", "read", "write"]
