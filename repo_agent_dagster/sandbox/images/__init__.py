"""The image that sandboxes start from: its base, its recipe, its build."""
