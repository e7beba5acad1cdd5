"""What people write for a migration (manifests, rules): read strictly, and every mistake told with its place."""
