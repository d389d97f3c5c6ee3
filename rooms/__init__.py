"""Watch parties (features P1 to P19): the pure machine of a room, and the shells in which each process plays it."""
