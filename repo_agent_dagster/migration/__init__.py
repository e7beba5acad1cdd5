"""STAGING units into a monorepo: manifest, plan, rewrite, execute, roll back."""
