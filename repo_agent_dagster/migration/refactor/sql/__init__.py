"""SQL as it is found in code: its tokens, its statements, the schema it speaks of, and what TypeScript sees of it."""
