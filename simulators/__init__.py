"""Real programs on real sockets that stand in for the outside world."""
