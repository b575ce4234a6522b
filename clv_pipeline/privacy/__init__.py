"""Consent, a person's export, and erasure wherever they are found."""
