"""A room on any number of processes: replicas of its log, one time, and what is written into it."""
