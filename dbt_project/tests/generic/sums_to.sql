{# The column adds up to a column of another model, for each combination of `by`; a missing side counts as 0. #}
{% test sums_to(model, column_name, to, to_column, by) %}

with own as (
    select
        {{ by | join(', ') }},
        sum({{ column_name }}) as total
    from {{ model }}
    group by {{ by | join(', ') }}
),

other as (
    select
        {{ by | join(', ') }},
        sum({{ to_column }}) as total
    from {{ to }}
    group by {{ by | join(', ') }}
)

select
    own.total as own_total,
    other.total as other_total
from own
full outer join other
    on {% for column in by %}own.{{ column }} = other.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
where coalesce(own.total, 0) <> coalesce(other.total, 0)

{% endtest %}
