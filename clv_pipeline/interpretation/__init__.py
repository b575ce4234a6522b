"""Model interpretation: reasons, importance, dependence, ablation, fairness."""
