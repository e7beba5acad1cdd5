"""Repositories: bare mirrors on the host, and their objects in a sandbox. Credentials stay on the host."""
