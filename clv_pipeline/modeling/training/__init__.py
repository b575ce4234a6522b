"""A training: tuning on temporal folds, the blend, judging on the test window, the champion rule."""
