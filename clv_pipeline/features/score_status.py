"""The status of a customer's history on a day, as SQL on a row of the purchase features. Segments are not defined here."""

#: Customers acquired within this many days have too little history for a purchase rhythm.
_NEW_CUSTOMER_DAYS = 30


def status_of_buyer(features: str) -> str:
    """Return the SQL expression of a buyer's status, from the table or alias that has the purchase features.

    >>> print(status_of_buyer("f"))
    case when f.tenure_days <= 30 then 'new_customer' when f.purchase_days = 1 then 'single_purchase' else 'repeat_customer' end
    """
    return (
        f"case when {features}.tenure_days <= {_NEW_CUSTOMER_DAYS} then 'new_customer' "
        f"when {features}.purchase_days = 1 then 'single_purchase' else 'repeat_customer' end"
    )
