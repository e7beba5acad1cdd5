"""A migration told to people."""
