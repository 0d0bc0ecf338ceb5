"""Runs side by side with peers; see README.md. No part of the package."""
