"""A bug's description, read: code blocks, tracebacks, the signature of the error. Pure."""
