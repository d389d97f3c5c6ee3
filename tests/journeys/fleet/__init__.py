"""Several daemons on one MongoDB and one Redis, broken in every way that we know of, judged by two oracles."""
