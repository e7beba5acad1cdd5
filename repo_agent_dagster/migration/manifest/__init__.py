"""The manifest: found, read, checked, and drafted for a folder that has none yet."""
