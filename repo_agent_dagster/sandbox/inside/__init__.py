"""Programs of ours that run inside containers; never imported here."""
