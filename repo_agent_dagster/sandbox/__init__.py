"""Docker containers that live for one task request: image, life-cycle, exec, limits, reaper."""
