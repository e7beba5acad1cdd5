"""Files that the unit and people at the destination both changed: merged, their conflicts told, their bases kept."""
