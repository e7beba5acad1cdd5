"""Commands in a sandbox: run them, follow their output, end them, tell what they used."""
