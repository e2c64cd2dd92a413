"""TrackMate's XML files: read and written."""
