"""Files and folders: atomic writes, locks, containment, names, and formats that hold no code."""
