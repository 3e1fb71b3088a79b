{# What the four warehouses write differently. Models use these and nothing that only one of them knows. #}

{# 64-bit float; `dbt.type_float()` is 32-bit on DuckDB. #}
{% macro double() %}{{ 'float64' if target.type == 'bigquery' else 'double precision' }}{% endmacro %}

{# Observed money, as in the contracts. BigQuery takes no digits in a cast; its NUMERIC has 9 behind the point. #}
{% macro money(expression) -%}
{%- if target.type == 'bigquery' -%}round(cast({{ expression }} as numeric), 2)
{%- else -%}cast({{ expression }} as numeric(18, 2))
{%- endif -%}
{%- endmacro %}

{# Counts: DuckDB sums integers to 128 bits, Snowflake to NUMBER(38). #}
{% macro tally(expression) %}cast({{ expression }} as bigint){% endmacro %}

{% macro count_if(condition) %}{{ tally('sum(case when ' ~ condition ~ ' then 1 else 0 end)') }}{% endmacro %}

{# Division without integer division (Redshift) and without an error on zero: nothing of nothing is unknown. #}
{% macro quotient(numerator, denominator) -%}
cast({{ numerator }} as {{ double() }}) / nullif(cast({{ denominator }} as {{ double() }}), 0)
{%- endmacro %}

{# Six decimals. Sums of floats depend on the order of rows, which no warehouse promises: rounding makes reruns equal.
   Through a decimal, because Redshift's and PostgreSQL's round() of a float takes no digits. #}
{% macro rounded(expression) -%}
cast(round(cast({{ expression }} as {{ 'numeric' if target.type == 'bigquery' else 'numeric(38, 9)' }}), 6) as {{ double() }})
{%- endmacro %}

{# A column whose name is a reserved word; Snowflake stores names in upper case unless told otherwise. #}
{% macro reserved(name) -%}
{%- if target.type == 'bigquery' -%}`{{ name }}`
{%- elif target.type == 'snowflake' -%}"{{ name | upper }}"
{%- else -%}"{{ name }}"
{%- endif -%}
{%- endmacro %}

{# dbt casts nulls to the types of a contract to compare them with the model's: on BigQuery without their digits. #}
{% macro bigquery__cast(field, type) -%}
cast({{ field }} as {{ type.split('(')[0] }})
{%- endmacro %}
