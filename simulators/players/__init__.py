"""Viewers of a watch party: their clocks, networks and players, and the client that keeps them together."""
