"""Watch parties (features P1 to P19): the pure machine of a room. The shells around it come with the party's wire."""
