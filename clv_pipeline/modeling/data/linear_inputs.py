"""The inputs of a linear model: what each of its coefficients multiplies. The encoder is in `encoding.py`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

#: The number itself, or 1 where it is missing, where the category is this one, where it is one of the rare ones.
Kind = Literal["number", "missing", "category", "other_categories"]


@dataclass(frozen=True)
class LinearInput:
    """One output column of a fitted `linear_encoder`.

    category: None for the other kinds. mean, scale: what the encoder subtracts, and then divides by.
    standard_deviation: of the input before that, over the rows the encoder was fitted to.
    """

    kind: Kind
    feature: str
    category: str | None
    mean: float
    scale: float
    standard_deviation: float


def linear_inputs(encoder: ColumnTransformer, features: pd.DataFrame) -> list[LinearInput]:
    """Return the output columns of a fitted `linear_encoder`, in order; `features` are the rows it was fitted to."""
    columns = {name: list(names) for name, _, names in encoder.transformers_}
    return [*_numbers(encoder, columns["numeric"]), *_categories(encoder, columns["category"], features)]


def _numbers(encoder: ColumnTransformer, names: list[str]) -> list[LinearInput]:
    if not names:
        return []
    steps = encoder.named_transformers_["numeric"].named_steps
    # the imputer adds its indicators of missing values after the numbers
    missing = [names[position] for position in steps["impute"].indicator_.features_]
    kinds: list[tuple[Kind, str]] = [*(("number", name) for name in names), *(("missing", name) for name in missing)]
    scaler = steps["scale"]
    return [
        LinearInput(kind, name, None, float(mean), float(scale), float(np.sqrt(variance)))
        for (kind, name), mean, scale, variance in zip(kinds, scaler.mean_, scaler.scale_, scaler.var_, strict=True)
    ]


def _categories(encoder: ColumnTransformer, names: list[str], features: pd.DataFrame) -> list[LinearInput]:
    if not names:
        return []
    one_hot = encoder.named_transformers_["category"]
    kinds: list[tuple[Kind, str, str | None]] = []
    for name, frequent, has_rest in zip(names, one_hot.frequent_, one_hot.has_rest_, strict=True):
        kinds += [("category", name, c) if isinstance(c, str) else ("missing", name, None) for c in frequent]
        kinds += [("other_categories", name, None)] if has_rest else []
    shares = one_hot.transform(features[names]).mean(axis=0, dtype=np.float64)
    return [
        LinearInput(*kind, mean=0.0, scale=1.0, standard_deviation=float(np.sqrt(share * (1 - share))))
        for kind, share in zip(kinds, shares, strict=True)
    ]
