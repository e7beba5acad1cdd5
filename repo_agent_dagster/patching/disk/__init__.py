"""The workspace on the disk: the one seam to the file system, the lock, the journal, and what is kept."""
