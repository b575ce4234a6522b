"""The models that compete: fixed rules, scikit-learn and XGBoost pipelines, a neural net, and how several are one."""
