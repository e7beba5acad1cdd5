"""Programs of ours that run in the sandbox; never imported here."""
