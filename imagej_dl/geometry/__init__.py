"""Polygons and contours: filled, traced and simplified as ImageJ and TrackMate do it."""
