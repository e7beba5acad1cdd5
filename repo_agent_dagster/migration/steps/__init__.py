"""The steps of a migration that touch something: writing, taking back, keeping account."""
