"""Secrets that the host puts on a guest's requests, and that no guest ever has."""
