"""The candidate models: fixed rules, scikit-learn and XGBoost pipelines, a neural net, and ensembles."""
