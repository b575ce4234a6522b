"""The made-up company: customers who behave, with planted faults, in a database like any other source."""
