-- One row per line of an invoice; cancellations are lines with a negative quantity at their own time.
-- The two sheets overlap in December 2010. The n-th equal line of an invoice is the same line in either sheet, so it
-- gets the same order_line_id and is counted once; equal lines within one sheet are real repetitions and stay.
select
    "Invoice" as order_id,
    concat_ws(
        '|', "StockCode", "Quantity", "Price",
        row_number() over (
            partition by sheet, "Invoice", "StockCode", "Quantity", "Price"
        )
    ) as order_line_id,
    "Customer ID" as customer_id,
    "InvoiceDate" as ordered_at,
    "StockCode" as product_id,
    "Quantity" as quantity,
    "Quantity" * "Price" as amount
from native
