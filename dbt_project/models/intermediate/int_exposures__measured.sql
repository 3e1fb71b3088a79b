-- A changed window length can close the same exposure on two nights; the later night is the one in force.
with ranked as (
    select
        workspace_id,
        exposed_on,
        product,
        programme,
        customer_id,
        window_days,
        order_count,
        spend_amount,
        is_converted,
        row_number() over (
            partition by workspace_id, exposed_on, product, programme, customer_id
            order by night_on desc
        ) as recency_rank
    from {{ ref('stg_measurement__outcomes') }}
)

select
    exposures.workspace_id,
    exposures.exposed_on,
    exposures.product,
    exposures.programme,
    exposures.customer_id,
    exposures.arm,
    exposures.decision_id,
    exposures.message_count,
    exposures.cost_amount,
    exposures.predicted_value,
    ranked.customer_id is not null as is_window_closed,
    ranked.window_days,
    ranked.order_count,
    ranked.spend_amount,
    ranked.is_converted
from {{ ref('stg_measurement__exposures') }} as exposures
left join ranked
    on
        exposures.workspace_id = ranked.workspace_id
        and exposures.exposed_on = ranked.exposed_on
        and exposures.product = ranked.product
        and exposures.programme = ranked.programme
        and exposures.customer_id = ranked.customer_id
        and ranked.recency_rank = 1
