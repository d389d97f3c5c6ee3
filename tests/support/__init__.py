"""Helpers that tests share. Nothing here stands in for our own code, but for the clock."""
