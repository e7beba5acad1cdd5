"""The one door to GitHub: only modules in here import PyGithub, and those outside import them when they need them."""
