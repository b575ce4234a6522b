"""What customers buy next: candidate items, a learned ranker with its baselines, and the lists of a night."""
