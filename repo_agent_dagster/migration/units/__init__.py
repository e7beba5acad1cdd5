"""Units of the STAGING folder: which there are, what they hold, whether they are settled."""
