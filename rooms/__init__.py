"""Watch parties (features P1 to P19). The machine and its shells move in with their own issue."""
