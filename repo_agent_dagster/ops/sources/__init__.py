"""Where log lines come from: the protocol, and one module for each kind of source."""
