"""Models of customer value: cutoffs and folds, candidates, tuning, evaluation, selection, artefacts, registry."""
