"""Feature tables: what tonight builds (`plan`), building it (`build`), and which features there are (`names`).

What a feature means is SQL (`sql/2_features`).
"""
