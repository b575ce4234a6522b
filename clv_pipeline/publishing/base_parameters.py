"""Parameters of the published tables about the customer base: what several of their SQL files must share."""

from clv_pipeline.core.settings import Settings
from clv_pipeline.features.denied import is_denied
from clv_pipeline.warehouse.sql_models import Parameters

#: Cells of fewer customers are pooled into rows of kind `other`.
SMALLEST_CELL = 5
#: Values with fewer customers are pooled before they are compared.
SMALLEST_SUPPORT = 20
#: Months that begin within so many days of the data are left censored. Online Retail II and the demo company, cut at seven later
#: starts: 26 to 91 % of the customers who seem new in a month of the first 180 days had bought before the cut, 17 to 55 % in the
#: three months after. A year would be purer (8 % in the demo), but a history of a year and a half would have nothing to compare.
LEFT_CENSORED_DAYS = 180
#: Left-censored customers are left out unless fewer customers than this would remain.
FEWEST_CUSTOMERS = 100
#: Half width of a 90 % interval in standard errors.
Z90 = 1.6449
#: Attributes known at the first order that come from the CRM, each with the feature of the same content.
_CRM_ATTRIBUTES = {"country": "crm_country", "acquisition_channel": "crm_acquisition_channel"}


def base_parameters(settings: Settings) -> Parameters:
    """Return the parameters of the tables about the customer base.

    >>> base_parameters(Settings(denied_features="crm_country"))["denied_attributes"]
    ['country']
    """
    return {
        "smallest_cell": SMALLEST_CELL,
        "smallest_support": SMALLEST_SUPPORT,
        "left_censored_days": LEFT_CENSORED_DAYS,
        "fewest_customers": FEWEST_CUSTOMERS,
        "z90": Z90,
        "rfm_quantiles": [group / settings.rfm_groups for group in range(1, settings.rfm_groups)],
        "rfm_recency_cuts": list(settings.rfm_recency_cuts),
        "rfm_frequency_cuts": list(settings.rfm_frequency_cuts),
        "rfm_monetary_cuts": list(settings.rfm_monetary_cuts),
        "denied_attributes": [
            name for name, feature in _CRM_ATTRIBUTES.items() if is_denied(feature, settings.denied_features)
        ],
    }
