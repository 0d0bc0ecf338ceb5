"""Requests and answers of the services that this project replaces."""
