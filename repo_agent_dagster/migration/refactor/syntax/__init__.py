"""TypeScript and JavaScript as trees with parents: files, names and their scopes, modules, and edits by span."""
