"""What viewers are told: messages, bounds for each of them, one write for all."""
