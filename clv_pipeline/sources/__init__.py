"""Where rows come from: the contract of the source tables, the door that checks it, the extraction, the demo company."""
