"""What comes in and goes out as JSON: one model for validation, answer and description."""
