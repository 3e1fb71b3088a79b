{# 97.5 % quantile of Student's t by the Cornish-Fisher expansion around the normal quantile (Abramowitz and Stegun
   26.7.5); within 2e-8 from 99 degrees of freedom, which the gate of `fct_lift` guarantees. #}
{% macro t_quantile(degrees_of_freedom) -%}
    1.959963984540054
    + 2.372271230 / ({{ degrees_of_freedom }})
    + 2.822498617 / ({{ degrees_of_freedom }} * {{ degrees_of_freedom }})
    + 2.555849677 / ({{ degrees_of_freedom }} * {{ degrees_of_freedom }} * {{ degrees_of_freedom }})
{%- endmacro %}
