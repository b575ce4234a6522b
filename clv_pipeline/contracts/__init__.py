"""The contracts between rooms: what comes in, what the warehouse holds, what is published, why rows are rejected."""
