"""Files of any shape, loaded by a mapping."""
