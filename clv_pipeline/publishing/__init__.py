"""Bundles: writing, audit, serving, the second target, recovery."""
