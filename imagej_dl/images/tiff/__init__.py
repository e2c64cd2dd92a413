"""TIFF files as ImageJ reads and writes them, with all that OME and Micro-Manager put into them."""
