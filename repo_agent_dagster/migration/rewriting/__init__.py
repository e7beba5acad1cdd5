"""Module specifiers: found by a parser, resolved, changed as byte splices; what is left over is listed."""
