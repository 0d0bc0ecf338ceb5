"""Commands that tests start, forked from a process that has imported what they import."""
