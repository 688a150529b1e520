"""Alarms, and where they go."""
