"""Shared basics of all packages: settings, errors, home, clock, run lock and identity. Imports no other package of ours."""
