"""Bundles: building, audit, serving, the second target, recovery."""
