"""Findings: what is planted is found, told once, and remembered."""
