"""Sensors: they discover and hand on; every tick is safe to repeat, because a failed tick's cursor does not move."""
