-- Squared deviations are taken from the mean of the arm: a plain sum of squares loses its digits on large amounts.
with measured as (
    select
        workspace_id,
        product,
        programme,
        assignment,
        'spend' as metric,
        spend as measured_value,
        conversion
    from {{ ref('int_lift__people') }}

    union all

    select
        workspace_id,
        product,
        programme,
        assignment,
        'conversion' as metric,
        cast(conversion as {{ double() }}) as measured_value,
        conversion
    from {{ ref('int_lift__people') }}
),

centred as (
    select
        workspace_id,
        product,
        programme,
        assignment,
        metric,
        measured_value,
        conversion,
        avg(measured_value) over (
            partition by workspace_id, product, programme, metric, assignment
        ) as arm_mean
    from measured
)

select
    workspace_id,
    product,
    programme,
    metric,
    assignment,
    {{ tally('count(*)') }} as person_count,
    {{ tally('sum(conversion)') }} as converter_count,
    avg(measured_value) as mean_value,
    sum((measured_value - arm_mean) * (measured_value - arm_mean)) as squared_deviation_sum
from centred
group by workspace_id, product, programme, metric, assignment
