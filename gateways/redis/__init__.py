"""What a fleet shares through Redis: one link per process, and the small things that are built on it."""
