"""Whether rows can be trusted: cleaning with quarantine, expectation suites, reconciliation."""
