"""Make a repository runnable: what it says about itself, what must be installed, and the installed state kept."""
