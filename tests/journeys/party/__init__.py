"""Watch parties on real processes: nobody owns a room, and nothing that was promised is lost."""
