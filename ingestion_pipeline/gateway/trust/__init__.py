"""Reserved for its charter."""
