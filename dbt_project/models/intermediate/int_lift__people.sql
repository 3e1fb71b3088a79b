-- Each person counts once per programme, by their first exposure: nights of one person are not independent, and what a
-- person does after the first message would otherwise be counted in every later window too.
with ranked as (
    select
        workspace_id,
        product,
        programme,
        customer_id,
        arm,
        is_window_closed,
        spend_amount,
        is_converted,
        row_number() over (
            partition by workspace_id, product, programme, customer_id
            order by exposed_on
        ) as exposure_number
    from {{ ref('int_exposures__measured') }}
)

select
    workspace_id,
    product,
    programme,
    customer_id,
    case when arm = 'holdout' then 'holdout' else 'treatment' end as assignment,
    cast(spend_amount as {{ double() }}) as spend,
    case when is_converted then 1 else 0 end as conversion
from ranked
where exposure_number = 1 and is_window_closed
