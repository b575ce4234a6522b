"""Human-readable features: a label for charts, a phrase for one customer's value, a number format.

Features are computed in SQL. A feature without an entry here gets a label derived from its column name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from clv_pipeline.features.attributes import PREFIX
from clv_pipeline.features.families import family_of

Form = Callable[[float], str]


def number(value: float) -> str:
    """Return a count or a mean: whole from ten on, with one decimal below, two figures below one.

    >>> number(12.34), number(2.0), number(0.123)
    ('12', '2', '0.12')
    """
    if value != 0 and abs(value) < 1:
        return f"{value:.2g}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}".removesuffix(".0")


def money(value: float) -> str:
    """Return an amount with its cents.

    >>> money(1012.5)
    '1,012.50'
    """
    return f"{value:,.2f}"


def share(value: float) -> str:
    """Return a share or a probability in percent, with a decimal where it is small.

    >>> share(0.834), share(0.0123)
    ('83%', '1.2%')
    """
    return f"{value:.0%}" if value == 0 or value >= 0.1 else f"{value:.1%}"


def signed(form: Form) -> Form:
    """Return the format with a plus sign before positive values.

    >>> signed(number)(2.0), signed(number)(-2.0)
    ('+2', '-2')
    """
    return lambda value: ("+" if value > 0 else "") + form(value)


_change_of_money: Form = signed(money)


def _mood(value: float) -> str:
    return f"{value:+.2f}"


def _minutes(value: float) -> str:
    return number(value / 60)


@dataclass(frozen=True)
class Words:
    """Texts of a feature; in `name` and `phrase`, {days} is its window and [day|days] follows the number {}."""

    name: str
    phrase: str
    form: Form = number
    #: text for a missing value; falls back to the text of the feature's family, then to '<name> unknown'
    missing: str = ""

    @property
    def is_money(self) -> bool:
        """Whether a value is an amount, which has a currency."""
        return self.form in (money, _change_of_money)

    def over(self, days: str) -> "Words":
        """Return the texts with the length of the window filled in.

        >>> Words("spend in the last {days} days", "{} spent in the last {days} days").over("90").name
        'spend in the last 90 days'
        """
        name, phrase, missing = (text.replace("{days}", days) for text in (self.name, self.phrase, self.missing))
        return Words(name, phrase, self.form, missing)


_NOBODY_KNOWS = {
    "web": "no recorded web visit",
    "survey": "no survey answered",
    "social": "no social media contact",
    "campaign": "no campaign contact",
    "crm": "not in the CRM",
}
_FAMILIES = {
    "purchase": "purchases",
    "btyd": "purchase rhythm",
    "web": "web",
    "survey": "surveys",
    "social": "social media",
    "campaign": "campaigns",
    "crm": "CRM",
}
_ONE_PURCHASE = "only one purchase so far"

_WORDS = {
    # purchases
    "recency_days": Words("days since the last purchase", "last purchase {} [day|days] ago"),
    "tenure_days": Words("days since the first purchase", "customer for {} [day|days]"),
    "frequency": Words("repeat purchases", "{} repeat [purchase|purchases]"),
    "purchase_days": Words("purchase days so far", "{} purchase [day|days] so far"),
    "purchase_days_{days}d": Words(
        "purchase days in the last {days} days", "{} purchase [day|days] in the last {days} days"
    ),
    "purchase_days_90d_one_year_ago": Words(
        "purchase days in the 90 days from this day last year",
        "{} purchase [day|days] in the 90 days from this day last year",
    ),
    "purchase_days_per_30_days": Words("purchases per month", "{} [purchase|purchases] per month on average"),
    "purchase_trend_90d": Words(
        "change in purchases over 90 days",
        "purchases changed by {} compared with the 90 days before",
        signed(number),
    ),
    "monetary_value": Words("average purchase value", "{} spent on an average purchase day", money),
    "spend_total": Words("spend so far", "{} spent so far", money),
    "gross_spend_total": Words("spend so far before returns", "{} spent so far before returns", money),
    "spend_{days}d": Words("spend in the last {days} days", "{} spent in the last {days} days", money),
    "spend_90d_one_year_ago": Words(
        "spend in the 90 days from this day last year", "{} spent in the 90 days from this day last year", money
    ),
    "spend_per_30_days": Words("spend per month", "{} spent per month on average", money),
    "spend_per_30_days_last_year": Words("spend per month, last year", "{} spent per month over the last year", money),
    "spend_trend_90d": Words(
        "change in spend over 90 days", "spend changed by {} compared with the 90 days before", _change_of_money
    ),
    "largest_day_spend": Words("largest purchase", "largest purchase {}", money),
    "last_purchase_spend": Words("value of the last purchase", "last purchase worth {}", money),
    "day_spend_deviation": Words(
        "spread of purchase values", "purchases vary by {} around their average", money, _ONE_PURCHASE
    ),
    "recency_in_gaps": Words("time since the last purchase in usual gaps", "no purchase for {} times the usual gap"),
    "mean_gap_days": Words(
        "average days between purchases", "{} [day|days] between purchases on average", missing=_ONE_PURCHASE
    ),
    "last_gap_days": Words(
        "days between the last two purchases", "{} [day|days] between the last two purchases", missing=_ONE_PURCHASE
    ),
    "longest_gap_days": Words(
        "longest time between purchases in days", "at most {} [day|days] between purchases", missing=_ONE_PURCHASE
    ),
    "gap_deviation_days": Words(
        "spread of days between purchases",
        "days between purchases vary by {} around their average",
        missing=_ONE_PURCHASE,
    ),
    "gap_irregularity": Words(
        "irregularity of purchases", "days between purchases vary by {} of their average", share, _ONE_PURCHASE
    ),
    "return_share": Words("share of spend returned", "{} of spend returned", share),
    "returned_total": Words("money returned so far", "returned {} so far", money),
    "returned_{days}d": Words("money returned in the last {days} days", "returned {} in the last {days} days", money),
    "return_days": Words("days with a return", "{} [day|days] with a return"),
    "orders": Words("orders so far", "{} [order|orders] so far"),
    "order_lines": Words("order lines so far", "{} order [line|lines] so far"),
    "lines_per_order": Words("lines per order on average", "{} [line|lines] in an average order"),
    "items": Words("items bought so far", "{} [item|items] bought so far"),
    "items_per_order": Words("items per order on average", "{} [item|items] in an average order"),
    "distinct_products": Words("different products bought", "{} different [product|products] bought"),
    "new_products_{days}d": Words(
        "products tried in the last {days} days", "{} [product|products] tried in the last {days} days"
    ),
    "distinct_categories": Words("categories bought from", "buys from {} [category|categories]"),
    "last_category": Words("category of the last purchase", "last purchase in {}"),
    "last_channel": Words("channel of the last purchase", "last purchase through {}"),
    # buy till you die
    "btyd_probability_alive": Words("probability of still being active", "probability of still being active {}", share),
    "btyd_purchase_value": Words("expected value of a purchase", "purchases expected to be worth {} each", money),
    "btyd_purchases_{days}d": Words(
        "purchases expected in {days} days from the purchase rhythm",
        "{} [purchase|purchases] expected in {days} days from the purchase rhythm",
    ),
    "btyd_spend_{days}d": Words(
        "spend expected in {days} days from the purchase rhythm",
        "spend of {} expected in {days} days from the purchase rhythm",
        money,
    ),
    "btyd_purchase_probability_{days}d": Words(
        "purchase probability in {days} days, by purchase rhythm",
        "{} probability of a purchase in {days} days from the purchase rhythm",
        share,
    ),
    # web
    "web_recency_days": Words("days since the last web visit", "last web visit {} [day|days] ago"),
    "web_sessions": Words("web visits so far", "{} web [visit|visits] so far"),
    "web_sessions_{days}d": Words(
        "web visits in the last {days} days", "{} web [visit|visits] in the last {days} days"
    ),
    "web_trend_30d": Words(
        "change in web visits over 30 days",
        "web visits changed by {} compared with the 30 days before",
        signed(number),
    ),
    "web_page_views_{days}d": Words(
        "web pages viewed in the last {days} days", "{} web [page|pages] viewed in the last {days} days"
    ),
    "web_seconds_{days}d": Words(
        "minutes on the website in the last {days} days",
        "{} [minute|minutes] on the website in the last {days} days",
        _minutes,
    ),
    "web_cart_additions_{days}d": Words(
        "items put in the web cart in the last {days} days",
        "{} [item|items] put in the web cart in the last {days} days",
    ),
    "web_conversions_{days}d": Words(
        "web visits with a purchase in the last {days} days",
        "{} web [visit|visits] with a purchase in the last {days} days",
    ),
    "web_conversion_share": Words("share of web visits with a purchase", "{} of web visits with a purchase", share),
    "web_last_device": Words(
        "device of the last web visit", "last web visit on {}", missing="device of the last web visit unknown"
    ),
    "web_last_traffic_source": Words(
        "source of the last web visit", "last web visit came from {}", missing="source of the last web visit unknown"
    ),
    # surveys
    "survey_recency_days": Words("days since the last survey answer", "last survey answer {} [day|days] ago"),
    "survey_responses": Words("survey answers so far", "{} survey [answer|answers] so far"),
    "survey_last_nps": Words("last NPS answer", "last NPS answer {}", missing="no NPS answer"),
    "survey_mean_nps": Words("average NPS answer", "average NPS answer {}", missing="no NPS answer"),
    "survey_lowest_nps": Words("lowest NPS answer", "lowest NPS answer {}", missing="no NPS answer"),
    "survey_nps_change": Words(
        "last NPS answer compared with the average",
        "last NPS answer {} compared with the average",
        signed(number),
        "no NPS answer",
    ),
    "survey_last_csat": Words(
        "last satisfaction answer", "last satisfaction answer {}", missing="no satisfaction answer"
    ),
    "survey_mean_csat": Words(
        "average satisfaction answer", "average satisfaction answer {}", missing="no satisfaction answer"
    ),
    # social media
    "social_recency_days": Words(
        "days since the last social media contact", "last social media contact {} [day|days] ago"
    ),
    "social_interactions": Words("social media contacts so far", "{} social media [contact|contacts] so far"),
    "social_interactions_{days}d": Words(
        "social media contacts in the last {days} days", "{} social media [contact|contacts] in the last {days} days"
    ),
    "social_mean_sentiment": Words(
        "sentiment on social media (-1 to 1)",
        "sentiment on social media {}",
        _mood,
        "sentiment on social media unknown",
    ),
    "social_mean_sentiment_{days}d": Words(
        "sentiment on social media (-1 to 1) in the last {days} days",
        "sentiment on social media {} in the last {days} days",
        _mood,
        "no social media contact in the last {days} days",
    ),
    "social_lowest_sentiment_{days}d": Words(
        "lowest social media sentiment (-1 to 1), last {days} days",
        "lowest sentiment on social media {} in the last {days} days",
        _mood,
        "no social media contact in the last {days} days",
    ),
    "social_angry_{days}d": Words(
        "angry social media contacts in the last {days} days",
        "{} angry social media [contact|contacts] in the last {days} days",
    ),
    "social_complaints_{days}d": Words(
        "social media complaints in the last {days} days",
        "{} social media [complaint|complaints] in the last {days} days",
    ),
    "social_last_network": Words("network of the last social media contact", "last social media contact on {}"),
    # campaigns
    "campaign_recency_days": Words("days since the last campaign contact", "last campaign contact {} [day|days] ago"),
    "campaign_touches": Words("campaign contacts so far", "{} campaign [contact|contacts] so far"),
    "campaign_touches_{days}d": Words(
        "campaign contacts in the last {days} days", "{} campaign [contact|contacts] in the last {days} days"
    ),
    "campaign_responses": Words("campaigns answered so far", "{} [campaign|campaigns] answered so far"),
    "campaign_responses_{days}d": Words(
        "campaigns answered in the last {days} days", "{} [campaign|campaigns] answered in the last {days} days"
    ),
    "campaign_response_share": Words(
        "share of campaigns answered", "{} of campaigns answered", share, "no campaign contact older than two weeks"
    ),
    "campaign_response_share_{days}d": Words(
        "share of campaigns answered in the last {days} days",
        "{} of campaigns answered in the last {days} days",
        share,
        "no campaign contact in the last {days} days",
    ),
    "campaign_response_recency_days": Words(
        "days since a campaign was answered", "last campaign answered {} [day|days] ago", missing="no campaign answered"
    ),
    "campaign_cost_{days}d": Words(
        "cost of campaign contacts in the last {days} days", "campaign contacts cost {} in the last {days} days", money
    ),
    "campaign_last_channel": Words("channel of the last campaign contact", "last campaign contact by {}"),
    # CRM
    "crm_age_days": Words("days in the CRM", "in the CRM for {} [day|days]"),
    "crm_country": Words("country", "country {}", missing="country unknown"),
    "crm_acquisition_channel": Words(
        "acquisition channel", "acquired through {}", missing="acquisition channel unknown"
    ),
    "crm_acquisition_cost": Words("acquisition cost", "acquired at a cost of {}", money, "acquisition cost unknown"),
}
_WINDOW = re.compile(r"_(\d+)d$")
_PLURAL = re.compile(r"\[(\w+)\|(\w+)\]")
_MONEY = re.compile(r"spend|returned|cost")


def describe(feature: str) -> str:
    """Return a feature's label: 'items put in the web cart in the last 30 days'.

    >>> describe("web_cart_additions_30d"), describe("new_feature_30d")
    ('items put in the web cart in the last 30 days', 'new feature in the last 30 days')
    """
    return _words(feature).name


def describe_family(family: str) -> str:
    """Return a source family's label: 'purchase rhythm' for the features of the buy-till-you-die model.

    >>> describe_family("btyd")
    'purchase rhythm'
    """
    return _FAMILIES.get(family, family.replace("_", " "))


def in_words(feature: str, value: float | str) -> str:
    """Return one value of a feature in its number format: '83%', '120.50', 'garden', 'none' for nan.

    >>> in_words("btyd_probability_alive", 0.83), in_words("last_category", "garden")
    ('83%', 'garden')
    """
    if isinstance(value, str):
        return value
    return _words(feature).form(value) if value == value else "none"


def phrases(feature: str, values: pd.Series, currency: str) -> list[str]:
    """Return one phrase per value: 'last purchase 12 days ago'; an amount has the currency.

    >>> phrases("recency_days", pd.Series([1.0, 12.0, float("nan")]), "EUR")
    ['last purchase 1 day ago', 'last purchase 12 days ago', 'days since the last purchase unknown']
    >>> phrases("largest_day_spend", pd.Series([12.0]), "EUR")
    ['largest purchase 12.00 EUR']
    """
    words = _words(feature)
    missing = words.missing or _NOBODY_KNOWS.get(family_of(feature)) or f"{words.name} unknown"
    unit = f" {currency}" if words.is_money else ""
    return [_agreeing(words.phrase, in_words(feature, v), unit) if v == v else missing for v in values]


def _agreeing(phrase: str, shown: str, unit: str) -> str:
    one = shown in ("1", "+1", "-1")
    return _PLURAL.sub(lambda forms: forms[1] if one else forms[2], phrase).replace("{}", shown + unit)


def _words(feature: str) -> Words:
    if feature in _WORDS:
        return _WORDS[feature]
    if feature.startswith(PREFIX):
        name = feature.removeprefix(PREFIX).replace("_", " ")
        return Words(name, f"{name} {{}}", missing=f"{name} unknown")
    window = _WINDOW.search(feature)
    if window is None:
        name = feature.replace("_", " ")
        return Words(name, f"{name} {{}}", _form_of(feature))
    pattern = _WINDOW.sub("_{days}d", feature)
    if pattern in _WORDS:
        return _WORDS[pattern].over(window[1])
    name = f"{_WINDOW.sub('', feature).replace('_', ' ')} in the last {window[1]} days"
    return Words(name, f"{{}} {name}", _form_of(feature))


def _form_of(feature: str) -> Form:
    if feature.endswith(("_share", "_probability")):
        return share
    return money if _MONEY.search(feature) and "days" not in feature else number
