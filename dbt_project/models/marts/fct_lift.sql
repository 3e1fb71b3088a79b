-- Below the gate people who look every day would see 10 to 30 % false positives: no interval is shown.
{% set least_converters = 100 %}

with arms as (
    select
        workspace_id,
        product,
        programme,
        metric,
        {{ tally("sum(case when assignment = 'treatment' then person_count else 0 end)") }} as treatment_count,
        {{ tally("sum(case when assignment = 'holdout' then person_count else 0 end)") }} as holdout_count,
        {{ tally("sum(case when assignment = 'treatment' then converter_count else 0 end)") }}
            as treatment_converter_count,
        {{ tally("sum(case when assignment = 'holdout' then converter_count else 0 end)") }} as holdout_converter_count,
        max(case when assignment = 'treatment' then mean_value end) as treatment_mean,
        max(case when assignment = 'holdout' then mean_value end) as holdout_mean,
        max(case when assignment = 'treatment' then squared_deviation_sum end) as treatment_deviation,
        max(case when assignment = 'holdout' then squared_deviation_sum end) as holdout_deviation
    from {{ ref('int_lift__arms') }}
    group by workspace_id, product, programme, metric
),

scattered as (
    select
        workspace_id,
        product,
        programme,
        metric,
        treatment_count,
        holdout_count,
        treatment_converter_count,
        holdout_converter_count,
        treatment_mean,
        holdout_mean,
        treatment_mean - holdout_mean as difference,
        {{ quotient('treatment_deviation', 'treatment_count * (treatment_count - 1)') }} as treatment_variance,
        {{ quotient('holdout_deviation', 'holdout_count * (holdout_count - 1)') }} as holdout_variance,
        coalesce(
            treatment_converter_count >= {{ least_converters }}
            and holdout_converter_count >= {{ least_converters }}, false
        ) as is_gate_passed
    from arms
),

compared as (
    select
        workspace_id,
        product,
        programme,
        metric,
        treatment_count,
        holdout_count,
        treatment_converter_count,
        holdout_converter_count,
        treatment_mean,
        holdout_mean,
        difference,
        is_gate_passed,
        sqrt(treatment_variance + holdout_variance) as standard_error,
        {{ quotient(
            '(treatment_variance + holdout_variance) * (treatment_variance + holdout_variance)',
            'treatment_variance * treatment_variance / nullif(treatment_count - 1, 0)'
            ~ ' + holdout_variance * holdout_variance / nullif(holdout_count - 1, 0)'
        ) }} as degrees_of_freedom
    from scattered
),

bounded as (
    select
        workspace_id,
        product,
        programme,
        metric,
        treatment_count,
        holdout_count,
        treatment_converter_count,
        holdout_converter_count,
        treatment_mean,
        holdout_mean,
        difference,
        standard_error,
        is_gate_passed,
        case when is_gate_passed then difference - standard_error * ({{ t_quantile('degrees_of_freedom') }}) end
            as lower_bound,
        case when is_gate_passed then difference + standard_error * ({{ t_quantile('degrees_of_freedom') }}) end
            as upper_bound
    from compared
)

select
    workspace_id,
    product,
    programme,
    metric,
    treatment_count,
    holdout_count,
    treatment_converter_count,
    holdout_converter_count,
    {{ rounded('treatment_mean') }} as treatment_mean,
    {{ rounded('holdout_mean') }} as holdout_mean,
    {{ rounded('difference') }} as difference,
    {{ rounded('standard_error') }} as standard_error,
    {{ rounded('lower_bound') }} as lower_bound,
    {{ rounded('upper_bound') }} as upper_bound,
    case
        when not is_gate_passed then 'collecting'
        when lower_bound > 0 then 'positive'
        when upper_bound < 0 then 'negative'
        else 'not_proven'
    end as verdict
from bounded
