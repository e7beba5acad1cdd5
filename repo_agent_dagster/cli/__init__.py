"""The terminal faces: repo-agent, patchctl, migrate-staging."""
