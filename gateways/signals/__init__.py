"""Hints between the processes of a fleet."""
