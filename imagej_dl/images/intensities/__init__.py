"""Intensities of images: statistics of many planes, and what a training saw."""
