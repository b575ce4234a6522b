"""Declarations that several stages share. A module here imports nothing of this package."""
