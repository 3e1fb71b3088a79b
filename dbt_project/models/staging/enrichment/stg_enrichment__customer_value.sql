select
    workspace_id,
    as_of as night_on,
    customer_id,
    spend_to_date_amount,
    expected_spend_28d,
    expected_spend_90d,
    expected_spend_365d,
    expected_orders_28d,
    active_28d_probability,
    value_rank_rate,
    method,
    model_version
from {{ source('enrichment', 'customer_value') }}
