"""Whole stories: the daemon as a process of its own, killed and started again, judged by the simulator's oracle."""
