"""Schedules: what happens every night without anyone asking."""
