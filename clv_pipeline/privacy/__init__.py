"""Consent, data export for one customer, and erasure."""
