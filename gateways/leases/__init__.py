"""Who may do what only one may do at a time, and which processes there are."""
