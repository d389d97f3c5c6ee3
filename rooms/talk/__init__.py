"""What viewers say: one conversation for each socket, and the rooms of this process."""
