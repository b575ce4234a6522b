"""What drives predictions: reasons, importance, dependence, ablation, fairness."""
