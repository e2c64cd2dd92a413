"""Files and folders: atomic writes, locks, and nothing outside of the folder that was named."""
