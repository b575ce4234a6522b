"""Priors of the purchase models, in days: what was found of two companies with published data.

The medians lie between the maximum likelihood estimates of the CDNOW sample (Fader and Hardie, to 1997-09-30 and to
1998-06-30) and of Online Retail II (UCI, to 2011-12-09), which differ by a factor of two to six; the deviations of the
logarithms are wide enough for both, and for companies unlike them: those of leaving differ most. A hundred repeat buyers
say more about their company than the prior does.

    estimates of          r              alpha      a              b              p, q of Gamma-Gamma
    CDNOW                 0.53, 0.62     43, 61     0.91, 0.56     1.63, 1.02     7.1 to 9.9, 3.4 to 3.8
    Online Retail II      0.73           67         0.14           3.24           2.4, 3.5

    estimates of          r              alpha      s              beta
    CDNOW                 0.55, 0.56     74, 88     0.65, 0.42     90, 77
    Online Retail II      0.74           72         0.19           398
"""

from clv_pipeline.btyd import Prior

_RATE = {"r": (0.65, 0.7), "alpha": (60.0, 1.0)}

#: Of the family with beta-geometric dropout: MBG/NBD and MBG/CNBD-k.
DROPOUT_AFTER_A_PURCHASE = Prior({**_RATE, "a": (0.45, 1.5), "b": (1.9, 1.5)})
#: Of the Pareto/NBD.
DROPOUT_AT_ANY_TIME = Prior({**_RATE, "s": (0.4, 1.5), "beta": (150.0, 1.5)})


def order_value_prior(typical: float) -> Prior:
    """Return the prior of Gamma-Gamma for a company whose median order value, in money, is `typical`."""
    return Prior({"p": (4.5, 0.8), "q": (3.5, 0.3), "v": (typical * (3.5 - 1) / 4.5, 1.0)})
