"""What an expression is, as far as its file and the unit tell: enough to follow databases and the calls around them.

This is no type checker: what it cannot tell is None, and whoever asks must then leave the code alone.
"""
