"""Faults under load, and a checker that shares no code with Pulang."""
