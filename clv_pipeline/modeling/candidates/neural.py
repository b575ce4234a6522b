"""A zero-inflated lognormal neural net in two parts: a net for the purchase probability, a net for the log of spend.

The loss is Wang, Liu and Miao's (2019), whose two heads share their first layers; here each head is a net of scikit-learn's
of its own, so that no deep-learning library is needed. The expectation of a lognormal is exp(mu + sigma^2 / 2): sigma is
capped, because an expectation that is exponential in a fitted variance can explode.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.neural_network import MLPClassifier, MLPRegressor

Array = NDArray[np.float64]
_MOST_SIGMA = 1.5
#: A fixed, small number of passes over the rows is a regulariser: the nets are stopped early on purpose.
_EPOCHS_OF_CHANCE, _EPOCHS_OF_SPEND = 15, 40


def _layers(net: MLPClassifier | MLPRegressor) -> list[tuple[Array, Array]]:
    """Return (weights, bias) of each layer: all that predicting needs, and nothing else is saved."""
    return list(zip(net.coefs_, net.intercepts_, strict=True))


def _forward(layers: list[tuple[Array, Array]], x: Array) -> Array:
    """Return the output of the last layer, shape (rows,); between layers negative values are cut off (relu)."""
    values = np.asarray(x, dtype=np.float64)
    for weights, bias in layers[:-1]:
        values = np.maximum(values @ weights + bias, 0)
    weights, bias = layers[-1]
    return np.asarray((values @ weights + bias)[:, 0])


class ChanceNet(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predict the purchase probability with one hidden layer."""

    def __init__(self, hidden: int = 32, alpha: float = 1.0, random_state: int = 0) -> None:
        self.hidden = hidden
        self.alpha = alpha
        self.random_state = random_state

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> Self:
        self.classes_ = np.array([0, 1])
        net = MLPClassifier(
            hidden_layer_sizes=(self.hidden,),
            alpha=self.alpha,
            learning_rate_init=0.003,
            batch_size=min(256, len(x)),
            random_state=self.random_state,
        )
        for _ in range(_EPOCHS_OF_CHANCE):
            net.partial_fit(x, y.astype(np.int64), classes=self.classes_, sample_weight=sample_weight)
        self.layers_ = _layers(net)
        return self

    def predict_proba(self, x: Array) -> Array:
        chance = expit(_forward(self.layers_, x))
        return np.column_stack([1 - chance, chance])


class LognormalNet(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predict positive money: a net for the mean of its log, one residual deviation for all."""

    def __init__(self, hidden: int = 32, alpha: float = 1.0, random_state: int = 0) -> None:
        self.hidden = hidden
        self.alpha = alpha
        self.random_state = random_state

    def fit(self, x: Array, y: Array, sample_weight: Array | None = None) -> Self:
        log_spend = np.log(np.maximum(y, 0.01))
        # standardised, so that the penalty and the steps mean the same for cents and for millions
        self.mean_, self.deviation_ = float(log_spend.mean()), float(max(log_spend.std(), 1e-6))
        net = MLPRegressor(
            hidden_layer_sizes=(self.hidden,),
            alpha=self.alpha,
            learning_rate_init=0.003,
            batch_size=min(256, len(x)),
            random_state=self.random_state,
        )
        for _ in range(_EPOCHS_OF_SPEND):
            net.partial_fit(x, (log_spend - self.mean_) / self.deviation_, sample_weight=sample_weight)
        self.layers_ = _layers(net)
        self.sigma_ = float(min((log_spend - self._mu(x)).std(), _MOST_SIGMA))
        # far outside the training rows a net extrapolates its log, so its money explodes
        self.highest_ = float(log_spend.max())
        return self

    def predict(self, x: Array) -> Array:
        return np.exp(np.minimum(self._mu(x), self.highest_) + self.sigma_**2 / 2)

    def _mu(self, x: Array) -> Array:
        return _forward(self.layers_, x) * self.deviation_ + self.mean_
