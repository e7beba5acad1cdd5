"""Text as lines of bytes: terminators, indentation, marker regions, what two versions share, and merges."""
