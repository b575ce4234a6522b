"""The demo company: simulated customers, with planted faults, in a database like any other source."""
