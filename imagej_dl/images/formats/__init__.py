"""Image formats besides TIFF: a module each."""
