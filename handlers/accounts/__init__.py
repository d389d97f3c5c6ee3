"""Who signs in, with which rights, and how one leaves."""
