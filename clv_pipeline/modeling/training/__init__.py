"""Training: tuning on temporal folds, the blend, evaluation on the test window, the champion rule."""
